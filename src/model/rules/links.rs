//! Addresses that people are shown and may follow: of pictures, files, and what a conversation is about. They are given
//! back as they were written, so none is taken that some browser would read otherwise than the parser here does. Never
//! fetched by the service.

use std::sync::Arc;

use serde::Deserialize;
use url::{Host, Url};

use super::text::is_bidi_control;
use super::{FieldCode, Problems};

/// Where links may lead: `link_hosts` in Rocket.toml. Empty, and `*`, mean any public host by https.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct LinkHosts(Arc<[Allowed]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Allowed {
    Public,
    Host(String),
    /// Of `*.example.org`: `.example.org`.
    Below(String),
    /// Scheme, host and port, whatever they are.
    Origin(String),
}

impl TryFrom<Vec<String>> for LinkHosts {
    type Error = String;

    fn try_from(written: Vec<String>) -> Result<Self, String> {
        written
            .iter()
            .map(|entry| Allowed::parse(entry))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Allowed {
    fn parse(entry: &str) -> Result<Self, String> {
        let is_host = |name: &str| {
            let url = Url::parse(&format!("https://{name}/")).ok();
            let is_name = |url: Url| matches!(url.host(), Some(Host::Domain(host)) if host == name);
            !name.contains('*') && url.is_some_and(is_name)
        };
        match (entry, entry.strip_prefix("*.")) {
            ("*", _) => Ok(Self::Public),
            (_, Some(parent)) if is_host(parent) => Ok(Self::Below(format!(".{parent}"))),
            _ if is_host(entry) => Ok(Self::Host(entry.to_owned())),
            _ if is_web_origin(entry) => Ok(Self::Origin(entry.to_owned())),
            _ => Err(format!(
                "link_hosts: {entry:?} is neither a host (\"files.example.org\", \"*.example.org\", \"*\") nor an origin \
                 (\"http://localhost:9000\")"
            )),
        }
    }

    fn covers(&self, url: &Url) -> bool {
        let by_name = match (url.scheme(), url.port(), url.host()) {
            ("https", None, Some(Host::Domain(host))) => Some(host),
            _ => None,
        };
        match self {
            Self::Public => by_name.is_some_and(is_public),
            Self::Host(host) => by_name == Some(host),
            Self::Below(parent) => by_name.is_some_and(|host| host.ends_with(&**parent)),
            Self::Origin(origin) => url.origin().ascii_serialization() == *origin,
        }
    }
}

fn is_web_origin(text: &str) -> bool {
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    is_web && Url::parse(text).is_ok_and(|url| url.origin().ascii_serialization() == text)
}

/// Names that lead out of no network are nobody else's business (RFC 6761, 6762, 8375, ICANN's `.internal`).
fn is_public(host: &str) -> bool {
    let host = format!(".{host}");
    let leads_nowhere = [".localhost", ".local", ".internal", ".home.arpa"];
    host[1..].contains('.') && !leads_nowhere.iter().any(|end| host.ends_with(end))
}

impl LinkHosts {
    fn allow(&self, url: &Url) -> bool {
        let any = [Allowed::Public];
        let allowed = if self.0.is_empty() { &any } else { &*self.0 };
        allowed.iter().any(|one| one.covers(url))
    }
}

impl Problems {
    /// An absolute URL without credentials, at most 2,048 characters, by https to an allowed host.
    pub fn url(&mut self, text: &str) {
        if text.chars().count() > 2048 {
            return self.over(FieldCode::TooLong, 2048);
        }
        let Some(url) = read_as_written(text) else {
            return self.add(FieldCode::InvalidUrl);
        };
        if !self.links.allow(&url) {
            // `http:` and `javascript:` are no matter of the host.
            let is_web = url.scheme() == "https";
            self.add(if is_web {
                FieldCode::HostNotAllowed
            } else {
                FieldCode::InvalidUrl
            });
        }
    }
}

/// What browsers drop, or read as something else.
pub(super) fn is_unclear(c: char) -> bool {
    c.is_whitespace() || c.is_control() || c == '\\' || is_bidi_control(c)
}

/// The URL, where there is only one way to read it. The parser follows browsers, which forgive: they drop tabs, take `\`
/// for `/`, need no slashes, and read `0x7f.1`, `%6C` and full-width letters in a host as something else. Others do not.
fn read_as_written(text: &str) -> Option<Url> {
    if text.chars().any(is_unclear) {
        return None;
    }
    let (scheme, rest) = text.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let url = Url::parse(text).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let is_same = [host.to_owned(), format!("{host}:{port}")]
        .iter()
        .any(|read| read.eq_ignore_ascii_case(authority))
        && url.scheme().eq_ignore_ascii_case(scheme);
    let has_labels = host.split('.').all(|label| !label.is_empty());
    (is_same && has_labels).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(allowed: &[&str], text: &str) -> Option<FieldCode> {
        let allowed: Vec<_> = allowed.iter().map(|one| (*one).to_owned()).collect();
        let mut problems = Problems {
            links: allowed.try_into().expect("hosts"),
            ..Problems::default()
        };
        problems.url(text);
        problems.found.first().map(|problem| problem.code)
    }

    #[test]
    fn what_some_browser_reads_otherwise_is_no_url() {
        for text in [
            "https:\\\\a.example/",
            "https://a.example\\@b.example/",
            "https://a.example\\.b.example/",
            "https:///a.example/",
            "https:a.example",
            "https://a.exa\tmple/",
            "https://a.example/\u{2028}",
            "https://@a.example/",
            "https://a.example:@b.example/",
            "https://a%2eexample/",
            "https://%61.example/",
            "https://a\u{3002}example/",
            "https://\u{ff41}.example/",
            "https://théâtre.example/",
            "https://a.ex\u{ad}ample/",
            "https://a.example./",
            "https://a..example/",
            "https://a.example:/",
            "https://a.example:0443/",
            "https://a.example/\u{202e}gpj",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://127.1/",
            "https://0177.0.0.1/",
            "https://[::ffff:127.0.0.1]/",
            "http://a.example/",
            "javascript://a.example/%0aalert(1)",
            "ftp://a.example/",
            "https://xn--a/",
        ] {
            assert_eq!(code(&[], text), Some(FieldCode::InvalidUrl), "{text:?}");
        }
    }

    #[test]
    fn without_a_list_any_public_host_is_allowed() {
        for text in [
            "https://a.example/ü/%00?x=<y>&z='\"#f",
            "HTTPS://A.Example/",
            "https://a.example",
            "https://a.example:443/",
            "https://xn--bcher-kva.example/",
            "https://a_b.s3.example/x@y",
            "https://notlocal.notinternal/",
        ] {
            assert_eq!(code(&[], text), None, "{text:?}");
        }
        for text in [
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://169.254.169.254/latest/",
            "https://localhost/",
            "https://a.localhost/",
            "https://intranet/",
            "https://nas.local/",
            "https://metadata.google.internal/",
            "https://a.example:8443/",
        ] {
            assert_eq!(code(&[], text), Some(FieldCode::HostNotAllowed), "{text:?}");
        }
    }

    #[test]
    fn with_a_list_only_what_stands_on_it() {
        let list = [
            "files.example.org",
            "*.cdn.example",
            "http://localhost:9000",
            "https://[::1]",
            "https://10.0.0.1:8443",
        ];
        for text in [
            "https://files.example.org/a.jpg",
            "https://a.b.cdn.example/",
            "http://localhost:9000/bucket/a.jpg",
            "https://[::1]:443/",
            "https://10.0.0.1:8443/",
        ] {
            assert_eq!(code(&list, text), None, "{text:?}");
        }
        for text in [
            "https://example.org/",
            "https://a.files.example.org/",
            "https://files.example.org.evil.example/",
            "https://files.example.org:8443/",
            "https://cdn.example/",
            "https://evilcdn.example/",
            "https://localhost:9000/",
            "https://10.0.0.1/",
        ] {
            assert_eq!(
                code(&list, text),
                Some(FieldCode::HostNotAllowed),
                "{text:?}"
            );
        }
        for text in [
            "http://files.example.org/",
            "http://localhost/",
            "http://user@localhost:9000/",
            "https://0xa.1:8443/",
        ] {
            assert_eq!(code(&list, text), Some(FieldCode::InvalidUrl), "{text:?}");
        }
        let mixed = ["*", "http://localhost:9000"];
        assert_eq!(code(&mixed, "https://a.example/"), None);
        assert_eq!(code(&mixed, "http://localhost:9000/"), None);
    }

    #[test]
    fn a_list_of_something_else_is_refused_at_the_start() {
        for entry in [
            "",
            "https://",
            "a.example/",
            "https://a.example/",
            "https://A.example",
            "*a.example",
            "*.",
            "A.example",
            "127.0.0.1",
            "a.example:8443",
            "ftp://a.example",
            "user@a.example",
            "théâtre.example",
            "*.*.example",
        ] {
            let parsed = LinkHosts::try_from(vec![entry.to_owned()]);
            assert!(parsed.is_err(), "{entry:?}");
        }
    }
}
