//! The host's tokens: which claims are read, how a signature is checked, and how development mints one.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::LEEWAY_SECS;
use crate::error::{Code, Error, Result};
use crate::model::{Problems, Profile, UserKey};
use crate::store::users::Sighting;

/// The claims we read; others are ignored.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claims {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sub: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Id>,
    pub exp: i64,
    #[serde(default)]
    pub iat: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_id: Option<String>,
    /// All others: which of them lists the organisations is a setting.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// Hosts number their users, or name them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Id {
    Text(String),
    Number(i64),
}

impl Claims {
    /// The claims of a token for `id` that was issued at `iat` and ends at `exp`, in seconds since 1970.
    pub fn new(id: &str, iat: i64, exp: i64) -> Self {
        Self {
            sub: Some(id.to_owned()),
            iat,
            exp,
            ..Self::default()
        }
    }

    /// What `claim` lists, as texts: one, or several.
    pub fn organizations(&self, claim: &str) -> Vec<String> {
        use serde_json::Value::{Array, Number, String};
        let listed = match self.more.get(claim) {
            Some(Array(several)) => several.iter().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        let text = |value: &serde_json::Value| match value {
            String(text) => Some(text.clone()),
            Number(number) => Some(number.to_string()),
            _ => None,
        };
        listed.into_iter().filter_map(text).collect()
    }

    /// Who it is, and what the token says of them. Names from a token are shown to others: they pass the same rules as
    /// what people write, and one that does not is left out rather than refused, for its owner cannot mend it.
    pub fn sighting(&self) -> Result<Sighting> {
        let of_user_id = self.user_id.as_ref().map(|id| match id {
            Id::Text(text) => text.clone(),
            Id::Number(number) => number.to_string(),
        });
        let id = self
            .sub
            .clone()
            .or(of_user_id)
            .ok_or_else(|| Error::from(Code::TokenInvalid).because("no sub"))?;
        let tenant = self
            .tenant
            .clone()
            .or(self.tenant_id.clone())
            .unwrap_or_else(|| "default".to_owned());
        let both = [self.first_name.as_deref(), self.last_name.as_deref()]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(" ");
        let name = self.name.clone().or((!both.is_empty()).then_some(both));
        let fits = |profile: &Profile| Problems::of(profile).is_empty();
        for text in [&id, &tenant] {
            if !fits(&Profile {
                id: Some(text.clone()),
                ..Profile::default()
            }) {
                return Err(Error::from(Code::TokenInvalid)
                    .because("sub or tenant is not 1 to 128 plain characters"));
            }
        }
        let profile = Profile {
            id: None,
            name: name.filter(|name| {
                fits(&Profile {
                    name: Some(name.clone()),
                    ..Profile::default()
                })
            }),
            image_url: self.picture.clone().or(self.image.clone()).filter(|url| {
                fits(&Profile {
                    image_url: Some(url.clone()),
                    ..Profile::default()
                })
            }),
            role: self.role.clone().filter(|role| {
                fits(&Profile {
                    role: Some(role.clone()),
                    ..Profile::default()
                })
            }),
        };
        Ok(Sighting {
            key: UserKey::new(&tenant, &id),
            profile,
            // A token of the future would shut out every later one.
            iat: self.iat.min(chrono::Utc::now().timestamp()),
        })
    }
}

/// What tokens are checked against.
pub struct Keys {
    decoding: DecodingKey,
    validation: Validation,
}

impl Keys {
    /// HS256 with a secret of at least 32 bytes, which `Config` has seen to.
    pub fn new(secret: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.leeway = LEEWAY_SECS as u64;
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.set_required_spec_claims(&["exp"]);
        Self {
            decoding: DecodingKey::from_secret(secret.as_bytes()),
            validation,
        }
    }

    pub fn verify(&self, token: &str) -> Result<Claims> {
        let decoded = decode::<Claims>(token, &self.decoding, &self.validation);
        decoded
            .map(|data| data.claims)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => Code::TokenExpired.into(),
                _ => Error::from(Code::TokenInvalid).because(error),
            })
    }
}

/// A token for development, tests and the demo: `causerie token`.
pub fn mint(secret: &str, claims: &Claims) -> Result<String> {
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), claims, &key)
        .map_err(|error| Error::from(Code::Internal).because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";

    fn claims(exp: i64) -> Claims {
        Claims::new("alice", 0, exp)
    }

    #[test]
    fn what_was_minted_is_verified_and_nothing_else_is() {
        let now = chrono::Utc::now().timestamp();
        let keys = Keys::new(SECRET);
        let token = mint(SECRET, &claims(now + 60)).expect("minting works");
        assert!(keys.verify(&token).is_ok());
        let other =
            mint("another secret of thirty-two bytes", &claims(now + 60)).expect("minting works");
        assert_eq!(
            keys.verify(&other).err().map(|e| e.code),
            Some(Code::TokenInvalid)
        );
        let late = mint(SECRET, &claims(now - LEEWAY_SECS - 5)).expect("minting works");
        assert_eq!(
            keys.verify(&late).err().map(|e| e.code),
            Some(Code::TokenExpired)
        );
        // {"alg":"none"} and no signature.
        let payload = token.split('.').nth(1).unwrap_or_default();
        assert!(
            keys.verify(&format!("eyJhbGciOiJub25lIn0.{payload}."))
                .is_err()
        );
    }

    #[test]
    fn either_spelling_of_a_person_is_read() {
        let claims: Claims = serde_json::from_str(
            r#"{"userId":42,"exp":1,"firstName":"Ann","lastName":"Lee","tenantId":"t2"}"#,
        )
        .expect("valid claims");
        let seen = claims.sighting().expect("a person");
        assert_eq!(
            (
                &*seen.key.tenant,
                &*seen.key.id,
                seen.profile.name.as_deref()
            ),
            ("t2", "42", Some("Ann Lee"))
        );
    }
}
