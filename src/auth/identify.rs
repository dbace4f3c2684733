//! From a token to a person, once: verified tokens are remembered until they expire, so that an idle poll checks a
//! map and no signature, and asks Postgres nothing.

use std::sync::Arc;

use chrono::Utc;
use moka::sync::Cache;

use super::claims::Keys;
use super::{AuthUser, LEEWAY_SECS};
use crate::error::{Code, Result};
use crate::store::batch::Op;
use crate::store::writer::Writer;
use crate::store::{Db, users};

/// Tokens in memory at most; the least used go first.
const REMEMBERED: u64 = 50_000;
/// A longer one is no token of a sane host.
const MAX_TOKEN: usize = 8192;

pub struct Identities {
    keys: Keys,
    organizations_claim: String,
    known: Cache<String, Arc<AuthUser>>,
}

impl Identities {
    pub fn new(secret: &str, organizations_claim: &str) -> Self {
        Self {
            keys: Keys::new(secret),
            organizations_claim: organizations_claim.to_owned(),
            known: Cache::new(REMEMBERED),
        }
    }

    /// The person a token names. At first sight of the token their row is made, and a newer profile goes to the log.
    pub async fn get(&self, token: &str, db: &Db, writer: &Writer) -> Result<Arc<AuthUser>> {
        let now = Utc::now().timestamp();
        if let Some(user) = self.known.get(token) {
            if user.exp + LEEWAY_SECS > now {
                return Ok(user);
            }
            self.known.invalidate(token);
            return Err(Code::TokenExpired.into());
        }
        Box::pin(self.verify(token, db, writer)).await
    }

    async fn verify(&self, token: &str, db: &Db, writer: &Writer) -> Result<Arc<AuthUser>> {
        if token.len() > MAX_TOKEN {
            return Err(Code::TokenInvalid.into());
        }
        let claims = self.keys.verify(token)?;
        let seen = claims.sighting()?;
        let user = AuthUser {
            key: seen.key.clone(),
            is_service: claims.role.as_deref() == Some("service"),
            organizations: claims.organizations(&self.organizations_claim).into(),
            // Far enough, and safe to add to.
            exp: claims.exp.min(i64::from(u32::MAX)),
        };
        if users::see(db, &seen).await? {
            writer.write(Op::Profiles(vec![seen])).await?;
        }
        let user = Arc::new(user);
        self.known.insert(token.to_owned(), user.clone());
        Ok(user)
    }
}
