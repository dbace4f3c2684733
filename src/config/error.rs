//! Why the service does not start, and what to do. A value is named only where it cannot be a secret.

use rocket::figment;
use rocket::figment::error::Kind;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("a setting is missing or wrong: {}", explained(.0))]
    Figment(Box<figment::Error>),
    #[error(
        "ROCKET_CAUSERIE is not {{name=value, …}}: a bracket or a quote is missing, or a line breaks within quotes"
    )]
    Environment,
    #[error(
        "no key to check tokens with: set CAUSERIE_JWT_SECRET to at least 32 bytes, for example $(openssl rand -hex 32), or keys in Rocket.toml"
    )]
    NoSecret,
    #[error(
        "a secret (CAUSERIE_JWT_SECRET, CAUSERIE_JWT_SECRET_BEFORE or in keys) is {0} bytes long; at least 32 are needed, for example $(openssl rand -hex 32)"
    )]
    ShortSecret(usize),
    #[error(
        "a secret (CAUSERIE_JWT_SECRET, CAUSERIE_JWT_SECRET_BEFORE or in keys) is one that everybody knows: draw your own, for example $(openssl rand -hex 32)"
    )]
    KnownSecret,
    #[error("each of keys {0}")]
    Key(&'static str),
    #[error("keys: pem cannot be read: {0}")]
    Pem(String),
    #[error("keys: jwks {0}")]
    Jwks(String),
    #[error("keys: jwks by {0}: cannot be read; give an https:// address, or the path of a file")]
    Scheme(String),
    #[error(
        "origins: {0:?} would let every page call with its visitors' cookies; name each site, for example \"https://www.example.org\""
    )]
    AnyOrigin(String),
    #[error(
        "origins: {0:?} is no origin; write it as browsers do, for example \"https://www.example.org\""
    )]
    Origin(String),
    #[error(
        "ip_header (ROCKET_IP_HEADER) would believe anybody: name your proxies in trusted_proxies of [default.causerie] instead"
    )]
    IpHeader,
    #[error("mail: {0}")]
    Mail(&'static str),
    #[error("{0} must be {1}")]
    Range(&'static str, &'static str),
}

/// figment puts the section behind what stands in it.
fn named(path: &[String]) -> String {
    let steps: Vec<_> = path
        .iter()
        .filter(|step| *step != "causerie")
        .map(String::as_str)
        .collect();
    steps.join(".")
}

/// Whether what stands there is an address or a name, which no one minds to see.
fn is_plain(path: &[String]) -> bool {
    let is_one = |step: &String| ["link_hosts", "trusted_proxies"].contains(&&**step);
    path.iter().any(is_one)
}

/// figment's own words quote what was found, which may be a secret in the wrong place.
fn explained(error: &figment::Error) -> String {
    let mut lines = Vec::new();
    for error in error.clone() {
        let what = match &error.kind {
            Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => {
                format!("expected {expected}")
            }
            Kind::UnknownVariant(_, known) => format!("expected one of {known:?}"),
            Kind::Unsupported(_) | Kind::UnsupportedKey(..) => {
                "of a kind that is not understood".to_owned()
            }
            Kind::ISizeOutOfRange(_) | Kind::USizeOutOfRange(_) => "too large a number".to_owned(),
            Kind::Message(said) if is_plain(&error.path) => said.clone(),
            Kind::Message(_) => "not acceptable".to_owned(),
            kind @ (Kind::InvalidLength(..)
            | Kind::UnknownField(..)
            | Kind::MissingField(_)
            | Kind::DuplicateField(_)) => kind.to_string(),
        };
        let source = error
            .metadata
            .as_ref()
            .map(|metadata| format!(" (from {})", metadata.name));
        lines.push(format!(
            "{}: {what}{}",
            named(&error.path),
            source.unwrap_or_default()
        ));
    }
    lines.join("; ")
}
