//! From a token to a person, once: verified tokens are remembered until they end, so that an idle poll checks a map and
//! no signature, and asks Postgres nothing. A token ends by its time, when its key is no longer published, or when the
//! host takes it back; the host's word is read from Postgres every second.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::Utc;
use dashmap::DashMap;
use moka::sync::Cache;
use sqlx::PgPool;

use super::keys::Keys;
use super::{AuthUser, LEEWAY_SECS};
use crate::error::{Code, Result};
use crate::model::{LinkHosts, UserKey};
use crate::store::batch::Op;
use crate::store::writer::Writer;
use crate::store::{Db, bounded, revocations, users};

/// Tokens in memory at most; the least used go first.
const REMEMBERED: u64 = 50_000;
/// A longer one is no token of a sane host.
const MAX_TOKEN: usize = 8192;
/// How often the host's word is looked for.
const LOOK: Duration = Duration::from_secs(1);

pub struct Identities {
    keys: Keys,
    links: LinkHosts,
    known: Cache<String, Arc<AuthUser>>,
    /// Whose tokens were taken back since this instance runs, and up to which `iat`.
    /// Never forgotten: any of their tokens may be remembered still, and a person is some hundred bytes.
    revoked: DashMap<UserKey, i64>,
    /// By how many seconds the clocks of hosts were seen to run ahead of ours, at most; 0 where they are right. What is
    /// taken back is taken back up to the present of those clocks, or their newest tokens would outlive it. It does not
    /// shrink: who is too careful lets somebody log in anew some seconds later.
    ahead: AtomicI64,
}

impl Identities {
    /// `links` is where the pictures of profiles may be.
    pub fn new(keys: Keys, links: LinkHosts) -> Self {
        Self {
            keys,
            links,
            known: Cache::new(REMEMBERED),
            revoked: DashMap::new(),
            ahead: AtomicI64::new(0),
        }
    }

    /// By how many seconds hosts' clocks run ahead, as far as it was seen here.
    pub fn ahead(&self) -> i64 {
        self.ahead.load(Ordering::Relaxed)
    }

    /// The person that a token is known to name.
    pub fn known(&self, token: &str) -> Option<Arc<AuthUser>> {
        let user = self.known.get(token)?;
        if user.exp + LEEWAY_SECS > Utc::now().timestamp() && self.stands(&user) {
            return Some(user);
        }
        self.known.invalidate(token);
        None
    }

    /// Whether nobody has taken back the token, or the key that it was signed with.
    pub fn stands(&self, user: &AuthUser) -> bool {
        let is_revoked = self.revoked.get(&user.key);
        is_revoked.is_none_or(|before| user.iat > *before) && self.keys.holds(user.signed_with)
    }

    /// The person a token names. At first sight of the token their row is made, and a newer profile goes to the log.
    pub async fn verify(&self, token: &str, db: &Db, writer: &Writer) -> Result<Arc<AuthUser>> {
        if token.len() > MAX_TOKEN {
            return Err(Code::TokenInvalid.into());
        }
        let (payload, signed_with) = self.keys.verify(token).await?;
        let names = &self.keys.names;
        let seen = payload.sighting(names, &self.links)?;
        // `Rules` refused what is further ahead than clocks may differ.
        let ahead = seen.iat.saturating_sub(Utc::now().timestamp());
        self.ahead.fetch_max(ahead, Ordering::Relaxed);
        let user = AuthUser {
            key: seen.key.clone(),
            is_service: payload.role(names).as_deref() == Some("service"),
            organizations: payload.organizations(names).into(),
            // Far enough, and safe to add to.
            exp: payload.exp().unwrap_or(0).min(i64::from(u32::MAX)),
            iat: seen.iat,
            signed_with,
        };
        // What is taken back after this is in memory within a second, and looked at each time.
        if let Some(before) = revocations::get(db, &user.key).await?
            && user.iat <= before
        {
            return Err(Code::TokenInvalid.into());
        }
        if users::see(db, &seen).await? {
            writer.write(Op::Profiles(vec![seen])).await?;
        }
        let user = Arc::new(user);
        self.known.insert(token.to_owned(), user.clone());
        Ok(user)
    }

    /// Takes back all tokens of `user` that were issued so far; the other instances hear of it within a second.
    pub async fn revoke(&self, db: &Db, user: &UserKey) -> Result<()> {
        let before = revocations::put(db, user, self.ahead()).await?;
        self.heard(user, before);
        Ok(())
    }

    /// Gives whether it is news. What was read before somebody here took back more does not give it out again.
    fn heard(&self, user: &UserKey, before: i64) -> bool {
        let mut known = self.revoked.entry(user.clone()).or_insert(i64::MIN);
        let is_news = before > *known;
        *known = before.max(*known);
        is_news
    }

    /// Hears what other instances took back, for as long as the process lives. `ended` is told whose streams must look.
    pub async fn keep_revoked(&self, pool: PgPool, ended: impl Fn(&UserKey)) {
        let mut heard = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let asked = Instant::now();
            let since = heard.elapsed().as_secs_f64();
            let look = async { revocations::recent(&mut *pool.acquire().await?, since).await };
            match bounded(look).await {
                Ok(recent) => {
                    heard = asked;
                    for (user, before) in recent {
                        if self.heard(&user, before) {
                            ended(&user);
                        }
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "whose tokens were taken back is not known; trying again")
                }
            }
        }
    }

    /// Keeps the keys that issuers publish. `changed` makes the streams look.
    pub async fn keep_keys(&self, every: Duration, changed: impl Fn()) {
        self.keys.keep(every, changed).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ClaimNames;

    #[test]
    fn what_is_heard_late_does_not_give_out_again_what_was_taken_back_since() {
        let names = ClaimNames {
            user: Vec::new(),
            tenant: Vec::new(),
            role: Vec::new(),
            name: Vec::new(),
            first_name: Vec::new(),
            last_name: Vec::new(),
            image: Vec::new(),
            email: Vec::new(),
            organizations: Vec::new(),
        };
        let keys = Keys::new(&[], names).expect("keys");
        let identities = Identities::new(keys, LinkHosts::default());
        let of = |iat: i64| AuthUser {
            key: UserKey::new("default", "alice"),
            is_service: false,
            organizations: Arc::default(),
            exp: i64::MAX,
            iat,
            signed_with: None,
        };
        let alice = of(0).key;
        assert!(identities.heard(&alice, 20));
        assert!(!identities.heard(&alice, 10), "older");
        assert!(!identities.heard(&alice, 20), "the same");
        assert!(!identities.stands(&of(20)) && identities.stands(&of(21)));
    }
}
