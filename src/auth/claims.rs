//! Tokens made here: for development, the tests, the demo, and `causerie token`.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;

use crate::error::{Code, Error, Result};

/// What such a token says.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    pub sub: String,
    pub exp: i64,
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// All others.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

impl Claims {
    /// The claims of a token for `id` that was issued at `iat` and ends at `exp`, in seconds since 1970.
    pub fn new(id: &str, iat: i64, exp: i64) -> Self {
        Self {
            sub: id.to_owned(),
            iat,
            exp,
            ..Self::default()
        }
    }
}

/// A token for development, tests and the demo: `causerie token`.
pub fn mint(secret: &str, claims: &Claims) -> Result<String> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|error| Error::from(Code::Internal).because(error))
}
