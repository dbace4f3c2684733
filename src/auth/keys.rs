//! The keys that tokens are checked against: those of the settings, and those that issuers publish.

use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, Header, decode_header};
use tokio::sync::Notify;

use super::jwks::{Fingerprint, Place, Source};
use super::payload::Payload;
use super::rules::{Rules, invalid};
use crate::config::{ClaimNames, ConfigError, KeySetting};
use crate::error::{Code, Error, Result};

/// Of the settings.
struct Fixed {
    kid: Option<String>,
    rules: Rules,
    key: DecodingKey,
}

pub struct Keys {
    pub names: ClaimNames,
    fixed: Vec<Fixed>,
    sources: Vec<Arc<Source>>,
    /// That one of them was read.
    news: Arc<Notify>,
}

impl Keys {
    pub fn new(
        settings: &[KeySetting],
        names: ClaimNames,
    ) -> std::result::Result<Self, ConfigError> {
        let (mut fixed, mut sources) = (Vec::new(), Vec::new());
        let news = Arc::<Notify>::default();
        for setting in settings {
            let rules = Rules::of(setting);
            if let Some(jwks) = &setting.jwks {
                let place =
                    Place::of(jwks).map_err(|error| ConfigError::Jwks(error.to_string()))?;
                sources.push(Source::new(place, rules, news.clone()));
                continue;
            }
            let key = match (&setting.secret, &setting.pem) {
                (Some(secret), _) => DecodingKey::from_secret(secret.as_bytes()),
                (None, Some(pem)) => of_pem(pem, &setting.algorithms)?,
                (None, None) => continue,
            };
            fixed.push(Fixed {
                kid: setting.kid.clone(),
                rules,
                key,
            });
        }
        Ok(Self {
            names,
            fixed,
            sources,
            news,
        })
    }

    /// Keeps what issuers publish up to date, for as long as the process lives. `changed` is told each time that it was
    /// read, also where a token made it so.
    pub async fn keep(&self, every: Duration, changed: impl Fn()) {
        if self.sources.is_empty() {
            return;
        }
        let read = async {
            loop {
                for source in &self.sources {
                    source.read().await;
                }
                tokio::time::sleep(every).await;
            }
        };
        let tell = async {
            loop {
                self.news.notified().await;
                changed();
            }
        };
        tokio::join!(read, tell);
    }

    /// The claims of a token that one of the keys has signed and that says what it may.
    pub async fn verify(&self, token: &str) -> Result<(Payload, Option<Fingerprint>)> {
        let header = decode_header(token).map_err(invalid)?;
        refuse_unusual(&header)?;
        let mut refusal = invalid("no key for it");
        for Fixed { kid, rules, key } in &self.fixed {
            let is_named = header.kid.is_none() || kid.is_none() || header.kid == *kid;
            if !is_named || !rules.allow(&header, key) {
                continue;
            }
            match rules.verify(token, &header, key, &self.names) {
                Ok(payload) => return Ok((payload, None)),
                Err(error) => refusal = nearer(refusal, error),
            }
        }
        for published in &self.sources {
            if !published.rules.allow_algorithm(header.alg) {
                continue;
            }
            for one in published.keys(&header).await {
                match published
                    .rules
                    .verify(token, &header, &one.key, &self.names)
                {
                    Ok(payload) => {
                        return Ok((payload, Some(one.fingerprint)));
                    }
                    Err(error) => refusal = nearer(refusal, error),
                }
            }
        }
        Err(refusal)
    }

    /// Whether the key of an issuer is published still; those of the settings hold as long as the process.
    pub fn holds(&self, key: Option<Fingerprint>) -> bool {
        key.is_none_or(|key| self.sources.iter().any(|source| source.has(&key)))
    }
}

/// What a token's owner can act on: it was right once.
fn nearer(refusal: Error, other: Error) -> Error {
    if refusal.code == Code::TokenExpired {
        refusal
    } else {
        other
    }
}

/// Extensions change what the rest means (`b64`, `crit`), or make it something else (a JWE, a token in a token).
fn refuse_unusual(header: &Header) -> Result<()> {
    let is_extended = header.crit.is_some()
        || header.enc.is_some()
        || header.zip.is_some()
        || header.cty.is_some()
        || header.extras.inner().contains_key("b64");
    let kind = header.typ.as_deref().unwrap_or("JWT").to_ascii_lowercase();
    let is_access = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"].contains(&&*kind);
    if is_extended || !is_access {
        return Err(invalid("not a plain signed token"));
    }
    Ok(())
}

/// The text of a public key, or of the file that it names.
fn of_pem(pem: &str, algorithms: &[Algorithm]) -> std::result::Result<DecodingKey, ConfigError> {
    let unreadable = |error: String| ConfigError::Pem(error);
    let text = if pem.contains("-----BEGIN") {
        pem.to_owned()
    } else {
        std::fs::read_to_string(pem).map_err(|error| unreadable(format!("{pem}: {error}")))?
    };
    let family = algorithms.first().map(|algorithm| algorithm.family());
    let key = match family {
        Some(AlgorithmFamily::Rsa) => DecodingKey::from_rsa_pem(text.as_bytes()),
        Some(AlgorithmFamily::Ec) => DecodingKey::from_ec_pem(text.as_bytes()),
        _ => DecodingKey::from_ed_pem(text.as_bytes()),
    };
    key.map_err(|error| unreadable(format!("{error}; is it a public key of {algorithms:?}?")))
}
