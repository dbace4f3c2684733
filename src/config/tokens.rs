//! Which tokens are accepted: the keys, what each may say, and the names of the claims.

use jsonwebtoken::Algorithm;
use serde::Deserialize;
use url::Url;

use super::ConfigError;

/// HS256 with less would be guessed.
const SHORTEST_SECRET: usize = 32;
/// Long enough, and in every list of secrets to try. Compared without case, as beginnings.
const WELL_KNOWN: &[&str] = &[
    super::DEVELOPMENT_SECRET,
    "your-256-bit-secret",
    "your-super-secret",
    "your-secret-key",
    "your_jwt_secret",
    "your_secret_key",
    "super-secret-jwt-token-with-at-least-32-characters-long",
    "a-string-secret-at-least-256-bits-long",
    "secretsecretsecretsecretsecret",
    "changeme",
    "change-me",
    "change_me",
    "please-change",
    "replace-me",
    "12345678901234567890123456789012",
    "0123456789abcdef0123456789abcdef",
    "abcdefghijklmnopqrstuvwxyz",
];

/// One of `keys`: a secret, a public key, or where an issuer publishes its keys; and what its tokens may say.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySetting {
    pub secret: Option<String>,
    /// The file of a public key, or its text.
    pub pem: Option<String>,
    /// A file, or an address.
    pub jwks: Option<String>,
    /// A token that names another one is not of this key.
    pub kid: Option<String>,
    #[serde(default)]
    pub algorithms: Vec<Algorithm>,
    pub issuer: Option<String>,
    pub audience: Option<String>,
    /// All, unless said.
    pub tenants: Option<Vec<String>>,
    /// Of `role`. All, unless said; `service` of a secret alone, unless said.
    pub roles: Option<Vec<String>>,
}

/// Nothing of it: neither a secret nor an address that holds one gets into a log by mistake.
impl std::fmt::Debug for KeySetting {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("KeySetting").finish_non_exhaustive()
    }
}

impl KeySetting {
    pub fn of_secret(secret: &str) -> Self {
        Self {
            secret: Some(secret.to_owned()),
            ..Self::default()
        }
    }

    /// What must not start: half a key, two in one, or a secret that others know.
    pub fn check(&self) -> Result<(), ConfigError> {
        let sources = [&self.secret, &self.pem, &self.jwks];
        if sources.iter().filter(|source| source.is_some()).count() != 1 {
            return Err(ConfigError::Key("has one of secret, pem and jwks"));
        }
        let url = self.jwks.as_ref().and_then(|jwks| Url::parse(jwks).ok());
        if let Some(url) = url.filter(|url| !["http", "https"].contains(&url.scheme())) {
            return Err(ConfigError::Scheme(url.scheme().to_owned()));
        }
        let is_symmetric = |algorithm: &Algorithm| {
            matches!(
                algorithm,
                Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
            )
        };
        match &self.secret {
            Some(secret) => {
                check_secret(secret)?;
                if !self.algorithms.iter().all(is_symmetric) {
                    return Err(ConfigError::Key(
                        "of a secret has HS256, HS384 or HS512 in algorithms",
                    ));
                }
            }
            None if self.algorithms.is_empty() => {
                return Err(ConfigError::Key(
                    "of pem or jwks names its algorithms, for example [\"RS256\"]",
                ));
            }
            // A public key is no secret: whoever knows it could sign.
            None if self.algorithms.iter().any(is_symmetric) => {
                return Err(ConfigError::Key(
                    "of pem or jwks has no HS algorithm: its key is public",
                ));
            }
            None => {}
        }
        Ok(())
    }
}

/// Long enough, and not one that everybody knows.
pub fn check_secret(secret: &str) -> Result<(), ConfigError> {
    if secret.len() < SHORTEST_SECRET {
        return Err(ConfigError::ShortSecret(secret.len()));
    }
    let lower = secret.to_ascii_lowercase();
    let first = secret.bytes().next();
    let is_one_letter = secret.bytes().all(|byte| Some(byte) == first);
    if is_one_letter || WELL_KNOWN.iter().any(|known| lower.starts_with(known)) {
        return Err(ConfigError::KnownSecret);
    }
    Ok(())
}

/// The names under which the host's tokens say things, the first that is there counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimNames {
    pub user: Vec<String>,
    pub tenant: Vec<String>,
    pub role: Vec<String>,
    /// Of a whole name; without one, of its parts.
    pub name: Vec<String>,
    pub first_name: Vec<String>,
    pub last_name: Vec<String>,
    pub image: Vec<String>,
    pub email: Vec<String>,
    pub organizations: Vec<String>,
}
