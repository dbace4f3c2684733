//! The self-check: what of the settings is unsafe in production. `Config::read` refuses what is wrong in itself (no key, a
//! weak or well-known secret, an origin that is none); here is what is only wrong out there. Some of it keeps the service
//! from starting, the rest is said once. `causerie check` prints all of it.

use std::net::IpAddr;

use rocket::figment::Figment;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use tracing::level_filters::LevelFilter;
use url::{Host, Url};

use crate::config::{Config, DEVELOPMENT_SECRET};

/// One thing that is not as it should be.
#[derive(Debug)]
pub struct Finding {
    /// Stable, for alerts: `check` in the log.
    pub check: &'static str,
    pub is_refused: bool,
    /// Which setting it is, and what to do.
    pub advice: String,
}

/// What keeps the service from starting.
#[derive(Debug, thiserror::Error)]
#[error("this is not safe outside the debug profile:\n{0}")]
pub struct Unsafe(String);

/// Outside the debug profile: refuses what is unsafe, and warns of the rest. In it a word to the developer would be noise,
/// but where others can come in.
pub fn at_start(config: &Config, figment: &Figment) -> Result<(), Unsafe> {
    if config.is_debug {
        if is_public(figment) && config.jwt_secret() == Some(DEVELOPMENT_SECRET) {
            let check = "development-secret";
            tracing::warn!(
                check,
                "ROCKET_ADDRESS is not loopback and tokens are signed with a secret that everybody knows: whoever reaches this port can be anybody; set CAUSERIE_JWT_SECRET, or listen on 127.0.0.1"
            );
        }
        return Ok(());
    }
    let (refused, doubtful): (Vec<_>, Vec<_>) = examine(config, figment)
        .into_iter()
        .partition(|finding| finding.is_refused);
    for Finding { check, advice, .. } in doubtful {
        tracing::warn!(check, "{advice}");
    }
    if refused.is_empty() {
        return Ok(());
    }
    let lines = refused
        .iter()
        .map(|finding| format!("- {}", finding.advice));
    Err(Unsafe(lines.collect::<Vec<_>>().join("\n")))
}

/// Whether others than this machine can come in.
fn is_public(figment: &Figment) -> bool {
    let address: Option<IpAddr> = figment.extract_inner("address").ok();
    address.is_some_and(|address| !address.is_loopback())
}

/// All findings, those that are refused first.
pub fn examine(config: &Config, figment: &Figment) -> Vec<Finding> {
    let mut found = of_keys(config);
    found.extend(of_sites(config, figment));
    found.extend(of_database(config, figment));
    found.extend(of_mail(config));
    if config.is_debug {
        found.push(warns("debug-profile", "ROCKET_PROFILE is debug: it knows a secret that everybody knows, and starts with settings that are refused elsewhere; in production it is release"));
    }
    if LevelFilter::current() > LevelFilter::INFO {
        found.push(warns("debug-log", "RUST_LOG asks for debug or trace: it is slow, and says more of people than a log should keep; leave it out, or say info"));
    }
    found.sort_by_key(|finding| !finding.is_refused);
    found
}

fn warns(check: &'static str, advice: impl Into<String>) -> Finding {
    Finding {
        check,
        is_refused: false,
        advice: advice.into(),
    }
}

fn of_keys(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    for key in config.keys() {
        let is_of_secret = key.jwks.is_none() && key.pem.is_none();
        if is_of_secret {
            continue;
        }
        let url = key.jwks.as_ref().and_then(|place| Url::parse(place).ok());
        let is_plain = |url: Url| url.scheme() == "http" && url.host().is_some_and(is_remote);
        if url.is_some_and(is_plain) {
            found.push(Finding {
                check: "jwks-over-http",
                is_refused: true,
                advice: "keys: jwks by http:// from another host: whoever stands in between names the keys, and so is anybody; give its https:// address, or a file".to_owned(),
            });
        }
        if key.issuer.is_none() || key.audience.is_none() {
            found.push(warns("keys-without-issuer", "keys: a pem or jwks without issuer or audience also takes the tokens that its issuer signs for other services; name both"));
        }
    }
    if config.has_previous_secret() {
        found.push(warns("previous-secret", "jwt_secret_before (CAUSERIE_JWT_SECRET_BEFORE) is set: tokens of the old secret are good; take it away once they have ended"));
    }
    found
}

fn of_sites(config: &Config, figment: &Figment) -> Vec<Finding> {
    let mut found = Vec::new();
    if config.origins.is_empty() {
        found.push(warns("no-origins", "origins is empty: no page of another origin may call, and none may write with a cookie; name your sites, for example [\"https://www.example.org\"]"));
    }
    if let Some(plain) = config
        .origins
        .iter()
        .find(|origin| origin.starts_with("http://"))
    {
        found.push(warns("http-origins", format!("origins: {plain} is not https: whoever stands in between can change the page, and read and write as its visitors; use https")));
    }
    if is_public(figment) && config.trusted_proxies.is_empty() {
        found.push(warns("no-trusted-proxies", "ROCKET_ADDRESS is not loopback and trusted_proxies is empty: without a proxy slow clients hold connections for ever, and behind one all clients are one address; put a proxy in front (see deploy/) and name it in trusted_proxies"));
    }
    found
}

fn of_database(config: &Config, figment: &Figment) -> Vec<Finding> {
    let Ok(url) = figment.extract_inner::<String>("databases.causerie.url") else {
        return vec![warns(
            "embedded-database",
            "no DATABASE_URL: the embedded PostgreSQL is for development and small sites; nobody backs it up, and only one instance can use it",
        )];
    };
    let urls = [Some(&url), config.listen_url.as_ref()];
    let in_plain = urls.into_iter().flatten().any(|url| is_sent_in_plain(url));
    let advice = "DATABASE_URL (or listen_url) is of another host and has no sslmode that insists on TLS: messages and the password may cross the network in plain text; add ?sslmode=verify-full, or at least require";
    in_plain
        .then(|| warns("database-without-tls", advice))
        .into_iter()
        .collect()
}

fn of_mail(config: &Config) -> Option<Finding> {
    let smtp = config.mail.smtp()?;
    let is_elsewhere = Host::parse(&smtp.host).is_ok_and(is_remote);
    (is_elsewhere && smtp.shows_password()).then(|| Finding {
        check: "smtp-without-tls",
        is_refused: true,
        advice: "mail: smtp_url has a password, is of another host, and does not insist on TLS: whoever stands in between reads it; write smtps://, or add ?tls=required".to_owned(),
    })
}

/// What cannot be read is refused elsewhere.
fn is_sent_in_plain(url: &str) -> bool {
    let Ok(options) = url.parse::<PgConnectOptions>() else {
        return false;
    };
    let host = options.get_host();
    let is_remote = options.get_socket().is_none()
        && !host.starts_with('/')
        && Host::parse(host).is_ok_and(is_remote);
    let insists = matches!(
        options.get_ssl_mode(),
        PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull
    );
    is_remote && !insists
}

fn is_remote<S: AsRef<str>>(host: Host<S>) -> bool {
    match host {
        Host::Domain(name) => !name.as_ref().eq_ignore_ascii_case("localhost"),
        Host::Ipv4(address) => !address.is_loopback(),
        Host::Ipv6(address) => !address.is_loopback(),
    }
}
