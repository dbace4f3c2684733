//! What a token says of a person, under the names that the host gives it.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::config::ClaimNames;
use crate::error::{Code, Error, Result};
use crate::model::{LinkHosts, Problems, Profile, UserKey, in_nfc};
use crate::store::users::Sighting;

/// The claims, each name once: of two `sub`, somebody else might read the other one.
#[derive(Debug, Clone)]
pub struct Payload(Map<String, Value>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(from: D) -> std::result::Result<Self, D::Error> {
        struct Claims;
        impl<'de> Visitor<'de> for Claims {
            type Value = Payload;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object of claims")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut claims: A,
            ) -> std::result::Result<Payload, A::Error> {
                let mut found = Map::new();
                while let Some((name, value)) = claims.next_entry::<String, Value>()? {
                    if found.insert(name, value).is_some() {
                        return Err(A::Error::custom("a claim stands there twice"));
                    }
                }
                Ok(Payload(found))
            }
        }
        from.deserialize_map(Claims)
    }
}

impl Payload {
    /// The first that is there and not null.
    fn first(&self, names: &[String]) -> Option<&Value> {
        let mut found = names.iter().filter_map(|name| self.0.get(name));
        found.find(|value| !value.is_null())
    }

    /// Hosts number their users, or name them.
    fn text(&self, names: &[String]) -> Option<String> {
        text(self.first(names)?)
    }

    pub fn issuer(&self) -> Option<&str> {
        self.0.get("iss")?.as_str()
    }

    /// When it ends, in whole seconds since 1970.
    pub fn exp(&self) -> Option<i64> {
        self.0.get("exp")?.as_i64().filter(|exp| *exp >= 0)
    }

    /// When it was issued; none where it does not say, or says nonsense.
    pub fn iat(&self) -> Option<i64> {
        self.0.get("iat")?.as_i64()
    }

    pub fn says_iat(&self) -> bool {
        self.0.get("iat").is_some_and(|iat| !iat.is_null())
    }

    pub fn tenant(&self, names: &ClaimNames) -> String {
        self.text(&names.tenant)
            .unwrap_or_else(|| "default".to_owned())
    }

    pub fn role(&self, names: &ClaimNames) -> Option<String> {
        self.text(&names.role)
    }

    /// Whether a tenant or a role is there that is no text and no number: it is not known which one was meant.
    pub fn is_unreadable(&self, names: &ClaimNames) -> bool {
        [&names.tenant, &names.role]
            .into_iter()
            .any(|names| self.first(names).is_some_and(|value| text(value).is_none()))
    }

    /// Whom it names.
    pub fn key(&self, names: &ClaimNames) -> Result<UserKey> {
        let id = self
            .text(&names.user)
            .ok_or_else(|| Error::from(Code::TokenInvalid).because("it names nobody"))?;
        let tenant = self.tenant(names);
        for text in [&id, &tenant] {
            if Problems::of_id(text).is_some() {
                return Err(Error::from(Code::TokenInvalid)
                    .because("user or tenant is not 1 to 128 plain characters"));
            }
        }
        Ok(UserKey::new(&tenant, &id))
    }

    /// One, or several.
    pub fn organizations(&self, names: &ClaimNames) -> Vec<String> {
        match self.first(&names.organizations) {
            Some(Value::Array(several)) => several.iter().filter_map(text).collect(),
            Some(one) => text(one).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Who it is, and what the token says of them. Names from a token are shown to others: they pass the same rules as
    /// what people write, and one that does not is left out rather than refused, for its owner cannot mend it.
    pub fn sighting(&self, names: &ClaimNames, links: &LinkHosts) -> Result<Sighting> {
        Ok(Sighting {
            key: self.key(names)?,
            profile: self.profile(names, links),
            // As it was said: what is taken back is compared with it, now and later.
            iat: self.iat().unwrap_or(0),
        })
    }

    fn profile(&self, names: &ClaimNames, links: &LinkHosts) -> Profile {
        let parts = [&names.first_name, &names.last_name].map(|names| self.text(names));
        let parts = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let name = self
            .text(&names.name)
            .or((!parts.is_empty()).then_some(parts))
            .map(in_nfc);
        let kept = |profile: Profile| Problems::of(&profile, links).is_empty().then_some(profile);
        let name = kept(Profile {
            name,
            ..Profile::default()
        });
        let image = kept(Profile {
            image_url: self.text(&names.image),
            ..Profile::default()
        });
        let role = kept(Profile {
            role: self.role(names),
            ..Profile::default()
        });
        let email = kept(Profile {
            email: self.text(&names.email),
            ..Profile::default()
        });
        Profile {
            id: None,
            email: email.and_then(|kept| kept.email),
            name: name.and_then(|kept| kept.name),
            image_url: image.and_then(|kept| kept.image_url),
            role: role.and_then(|kept| kept.role),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // A larger one is rounded by whoever reads it, so that two people would be one.
        Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
        _ => None,
    }
}
