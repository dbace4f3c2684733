//! What the tokens of one key may say, and whether one does: the algorithm, the times, the issuer, the audience, the
//! tenants and the roles.

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode};

use super::LEEWAY_SECS;
use super::payload::Payload;
use crate::config::{ClaimNames, KeySetting};
use crate::error::{Code, Error, Result};

#[derive(Debug, Clone)]
pub struct Rules {
    algorithms: Vec<Algorithm>,
    issuer: Option<String>,
    audience: Option<String>,
    tenants: Option<Vec<String>>,
    roles: Option<Vec<String>>,
    /// Whether `service` may be said without standing among `roles`: by who shares a secret with us. An identity provider
    /// may let people choose a `role` of their own.
    serves: bool,
}

impl Rules {
    pub fn of(setting: &KeySetting) -> Self {
        let usual = || vec![Algorithm::HS256];
        Self {
            algorithms: if setting.algorithms.is_empty() {
                usual()
            } else {
                setting.algorithms.clone()
            },
            issuer: setting.issuer.clone(),
            audience: setting.audience.clone(),
            tenants: setting.tenants.clone(),
            roles: setting.roles.clone(),
            serves: setting.secret.is_some() || setting.roles.is_some(),
        }
    }

    /// Whether a token with this header may be of a key of these rules at all.
    pub fn allow(&self, header: &Header, key: &DecodingKey) -> bool {
        self.algorithms.contains(&header.alg) && key.family() == header.alg.family()
    }

    pub fn allow_algorithm(&self, algorithm: Algorithm) -> bool {
        self.algorithms.contains(&algorithm)
    }

    /// The claims, if `key` signed them and they are within these rules.
    pub fn verify(
        &self,
        token: &str,
        header: &Header,
        key: &DecodingKey,
        names: &ClaimNames,
    ) -> Result<Payload> {
        let decoded = decode::<Payload>(token, key, &self.validation(header.alg));
        let payload = decoded.map(|data| data.claims).map_err(invalid)?;
        self.check(&payload, names)?;
        // Last: only what is right in all else is told that it is over, so that its owner gets a new one.
        let now = chrono::Utc::now().timestamp();
        if payload.exp().is_none_or(|exp| exp <= now - LEEWAY_SECS) {
            return Err(Code::TokenExpired.into());
        }
        Ok(payload)
    }

    fn validation(&self, algorithm: Algorithm) -> Validation {
        let mut validation = Validation::new(algorithm);
        let mut required = vec!["exp"];
        validation.leeway = LEEWAY_SECS as u64;
        // By `verify`, after all else.
        validation.validate_exp = false;
        validation.validate_nbf = true;
        validation.validate_aud = self.audience.is_some();
        if let Some(audience) = &self.audience {
            validation.set_audience(&[audience]);
            required.push("aud");
        }
        validation.set_required_spec_claims(&required);
        validation
    }

    /// What the library does not look at, or not strictly.
    fn check(&self, payload: &Payload, names: &ClaimNames) -> Result<()> {
        if payload.exp().is_none() {
            return Err(invalid("exp is no whole number"));
        }
        let soon = chrono::Utc::now().timestamp() + LEEWAY_SECS;
        if payload.says_iat() && payload.iat().is_none_or(|iat| iat > soon) {
            return Err(invalid("iat is no time of the past"));
        }
        if self.issuer.is_some() && payload.issuer() != self.issuer.as_deref() {
            return Err(invalid("another issuer"));
        }
        if payload.is_unreadable(names) {
            return Err(invalid(
                "tenant or role is neither a text nor a whole number",
            ));
        }
        payload.key(names)?;
        let is_listed = |list: &Option<Vec<String>>, one: &str| {
            list.as_ref()
                .is_none_or(|list| list.iter().any(|listed| listed == one))
        };
        if !is_listed(&self.tenants, &payload.tenant(names)) {
            return Err(invalid("a tenant that is not of this key"));
        }
        let role = payload.role(names);
        let may_be =
            |role: &str| is_listed(&self.roles, role) && (self.serves || role != "service");
        if role.is_some_and(|role| !may_be(&role)) {
            return Err(invalid("a role that is not of this key"));
        }
        Ok(())
    }
}

pub fn invalid(why: impl std::fmt::Display) -> Error {
    Error::from(Code::TokenInvalid).because(why)
}
