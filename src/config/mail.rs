//! E-mail: by which server, from whom, and where its links lead. Without `smtp_url` there is none.

use chrono::TimeDelta;
use lettre::message::Mailbox;
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use url::{Host, Url};

use super::ConfigError;

/// `[default.causerie.mail]` of Rocket.toml.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    smtp_url: Option<String>,
    from: Option<String>,
    public_url: Option<String>,
    site_url: Option<String>,
    /// Of one attempt, from the connection to where the message itself goes.
    pub timeout_secs: u64,
    /// So long a message is unread before its reader is told by e-mail; 0 = never.
    digest_after_secs: u32,
}

/// Nothing of it: there is a password in it.
impl std::fmt::Debug for MailSettings {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("MailSettings").finish_non_exhaustive()
    }
}

/// What an `smtp_url` says, as lettre reads its own.
#[derive(Clone)]
pub struct Smtp {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Who logs in, and by which password.
    pub login: Option<(String, String)>,
    /// What we call ourselves to the server.
    pub hello: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    Plain,
    /// TLS where the server offers it: whoever stands in between can take the offer away.
    Opportunistic,
    StartTls,
    Wrapped,
}

/// All that is needed to send.
pub struct Mail {
    pub smtp: Smtp,
    pub from: Mailbox,
    /// Without a slash at its end.
    pub public_url: String,
    /// Of the host site, to which links without a host belong: the same.
    pub site_url: Option<String>,
    pub timeout_secs: u64,
}

impl MailSettings {
    /// What sends; none where e-mail is off.
    pub fn read(&self) -> Result<Option<Mail>, ConfigError> {
        if !(1..=60).contains(&self.timeout_secs) {
            return Err(ConfigError::Range("causerie.mail.timeout_secs", "1 to 60"));
        }
        if self.digest_after_secs > 86_400 {
            return Err(ConfigError::Range(
                "causerie.mail.digest_after_secs",
                "0 to 86400: of what is unread for longer than a day nobody is told late",
            ));
        }
        let public_url = self.public_url.as_deref().map(public).transpose()?;
        let site_url = self.site_url.as_deref().map(public).transpose()?;
        let from = self.from.as_deref().map(sender).transpose()?;
        let Some(url) = &self.smtp_url else {
            return Ok(None);
        };
        let missing = ConfigError::Mail("smtp_url is set, and from or public_url is not");
        let (Some(from), Some(public_url)) = (from, public_url) else {
            return Err(missing);
        };
        Ok(Some(Mail {
            smtp: server(url).map_err(ConfigError::Mail)?,
            from,
            public_url,
            site_url,
            timeout_secs: self.timeout_secs,
        }))
    }

    /// After how long people are told of unread messages; none where they are not.
    pub fn digest_after(&self) -> Option<TimeDelta> {
        let seconds = self.digest_after_secs;
        (seconds > 0).then(|| TimeDelta::seconds(seconds.into()))
    }

    /// The server, where there is one that can be read.
    pub fn smtp(&self) -> Option<Smtp> {
        server(self.smtp_url.as_deref()?).ok()
    }

    /// The origin of `public_url`, as browsers write it.
    pub fn public_origin(&self) -> Option<String> {
        let url = Url::parse(&public(self.public_url.as_deref()?).ok()?).ok()?;
        Some(url.origin().ascii_serialization())
    }
}

impl Smtp {
    /// Whether a password crosses the network for whoever stands in between.
    pub fn shows_password(&self) -> bool {
        let is_open = matches!(self.security, Security::Plain | Security::Opportunistic);
        is_open && self.login.is_some()
    }
}

fn server(text: &str) -> Result<Smtp, &'static str> {
    const FORM: &str = "smtp_url is none of smtp://host, smtp://user:password@host?tls=required and smtps://user:password@host";
    let url = Url::parse(text).map_err(|_| FORM)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(FORM)?;
    let tls = url.query_pairs().find(|(name, _)| name == "tls");
    let tls = tls.as_ref().map(|(_, value)| &**value);
    let (security, port) = match (url.scheme(), tls) {
        ("smtp", None) => (Security::Plain, 25),
        ("smtp", Some("opportunistic")) => (Security::Opportunistic, 587),
        ("smtp", Some("required")) => (Security::StartTls, 587),
        ("smtps", _) => (Security::Wrapped, 465),
        _ => return Err(FORM),
    };
    let decoded = |part: &str| {
        let text = percent_decode_str(part).decode_utf8();
        text.map(|text| text.into_owned()).map_err(|_| FORM)
    };
    let login = match url.password() {
        Some(password) => Some((decoded(url.username())?, decoded(password)?)),
        None => None,
    };
    let hello = url.path().trim_matches('/');
    Ok(Smtp {
        host: host.to_owned(),
        port: url.port().unwrap_or(port),
        security,
        login,
        hello: (!hello.is_empty()).then(|| hello.to_owned()),
    })
}

fn sender(text: &str) -> Result<Mailbox, ConfigError> {
    let found = text.parse().ok().filter(|_| text.is_ascii());
    found.ok_or(ConfigError::Mail(
        "from is no address: write \"chat@example.org\" or \"Chat <chat@example.org>\", in ASCII",
    ))
}

fn public(text: &str) -> Result<String, ConfigError> {
    let is_local = |url: &Url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let is_plain = |url: &Url| {
        let is_web = url.scheme() == "https" || url.scheme() == "http" && is_local(url);
        let is_bare = !text.contains(['?', '#']);
        is_web && is_bare && url.username().is_empty() && url.password().is_none()
    };
    let url = Url::parse(text).ok().filter(is_plain);
    let url = url.ok_or(ConfigError::Mail(
        "public_url is no https:// address without query: it is where mail providers and people reach this service",
    ))?;
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_smtp_url_says_how_and_a_wrong_one_is_refused() {
        for (text, security, port) in [
            ("smtp://127.0.0.1:2525", Security::Plain, 2525),
            ("smtp://mx.example", Security::Plain, 25),
            (
                "smtp://a:b@mx.example?tls=required",
                Security::StartTls,
                587,
            ),
            (
                "smtp://a:b@mx.example?tls=opportunistic",
                Security::Opportunistic,
                587,
            ),
            (
                "smtps://a:b@mx.example/chat.example",
                Security::Wrapped,
                465,
            ),
        ] {
            let read = server(text).expect("a server");
            assert_eq!((read.security, read.port), (security, port), "{text}");
        }
        for text in [
            "",
            "mx.example:25",
            "http://mx.example",
            "smtp:",
            "smtp://mx.example?tls=maybe",
        ] {
            assert!(server(text).is_err(), "{text}");
        }
        let read =
            server("smtps://chat%40example.org:a%2fb%3a@mx.example/chat.example").expect("it");
        let login = Some(("chat@example.org".to_owned(), "a/b:".to_owned()));
        assert_eq!(
            (read.login, read.hello.as_deref()),
            (login, Some("chat.example"))
        );
    }

    #[test]
    fn links_lead_out_by_https() {
        for (text, read) in [
            ("https://chat.example/", Some("https://chat.example")),
            ("https://chat.example/at/", Some("https://chat.example/at")),
            ("http://localhost:8000", Some("http://localhost:8000")),
            ("http://chat.example", None),
            ("https://chat.example/?a=b", None),
            ("https://a:b@chat.example/", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(public(text).ok().as_deref(), read, "{text}");
        }
    }
}
