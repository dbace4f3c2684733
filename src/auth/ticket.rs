//! Stream tickets: how a native EventSource of another origin opens a stream without a token in its URL.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use rocket::Request;
use rocket::request::{FromRequest, Outcome};
use sqlx::PgPool;
use uuid::Uuid;

use super::{AuthUser, Identities, RefusedTokens, identify, refuse_token_in_url};
use crate::error::{Code, Result, stash};
use crate::model::UserKey;
use crate::requests::Caller;
use crate::store::tickets::{self, Holder};
use crate::store::{Db, bounded};

/// How often the tickets of living streams are kept valid: well within their grace.
const EXTEND_EVERY: Duration = Duration::from_secs(20);

/// Tickets in memory at most; the least used go first.
const REMEMBERED: u64 = 50_000;

/// The streams of this instance that were opened with a ticket.
pub struct Tickets {
    open: Mutex<HashMap<Uuid, Open>>,
    /// The hashes of those that a stream was opened with here. Whether they still hold is asked each time; that they
    /// are asked for does not depend on who else is at their address.
    known: Cache<Vec<u8>, ()>,
}

impl Default for Tickets {
    fn default() -> Self {
        Self {
            open: Mutex::default(),
            known: Cache::new(REMEMBERED),
        }
    }
}

struct Open {
    hash: Vec<u8>,
    replaced: Arc<AtomicBool>,
}

/// A good ticket that was shown: nothing has changed by it.
pub struct Ticket {
    hash: Vec<u8>,
    tickets: Arc<Tickets>,
}

impl Ticket {
    /// What stands for it.
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// Makes it that of a new stream. What another instance has open with it ends there within `EXTEND_EVERY`.
    pub async fn hold(self, db: &Db) -> Result<Held> {
        let Self { hash, tickets } = self;
        let id = Uuid::now_v7();
        if !tickets::open(db, &hash, id).await? {
            return Err(Code::TicketInvalid.into());
        }
        let replaced = Arc::<AtomicBool>::default();
        let open = Open {
            hash: hash.clone(),
            replaced: replaced.clone(),
        };
        tickets.open().insert(id, open);
        Ok(Held {
            id,
            hash,
            tickets,
            replaced,
        })
    }
}

/// A stream's hold on its ticket.
pub struct Held {
    id: Uuid,
    hash: Vec<u8>,
    tickets: Arc<Tickets>,
    replaced: Arc<AtomicBool>,
}

impl Held {
    /// What stands for the ticket.
    pub fn hash(&self) -> &[u8] {
        &self.hash
    }

    /// Whether another instance's newer stream has it.
    pub fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.tickets.open().remove(&self.id);
    }
}

impl Tickets {
    fn open(&self) -> MutexGuard<'_, HashMap<Uuid, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the tickets of living streams valid, and finds those that another instance's newer stream has taken over.
    /// `wake` makes the streams look.
    pub async fn keep_valid(self: Arc<Self>, pool: PgPool, wake: impl Fn()) {
        loop {
            tokio::time::sleep(EXTEND_EVERY).await;
            let (ids, hashes): (Vec<_>, Vec<_>) = self
                .open()
                .iter()
                .map(|(id, open)| (*id, open.hash.clone()))
                .unzip();
            if ids.is_empty() {
                continue;
            }
            let extend =
                async { tickets::extend(&mut *pool.acquire().await?, &ids, &hashes).await };
            match bounded(extend).await {
                Ok(lost) if !lost.is_empty() => {
                    let open = self.open();
                    for older in lost.iter().filter_map(|id| open.get(id)) {
                        older.replaced.store(true, Ordering::Release);
                    }
                    drop(open);
                    wake();
                }
                Ok(_) => {}
                // The grace outlasts two missed rounds.
                Err(error) => tracing::warn!(%error, "stream tickets were not extended"),
            }
        }
    }
}

/// Who opens a stream: by token, cookie, or ticket.
pub struct StreamUser {
    pub user: AuthUser,
    pub ticket: Option<Ticket>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for StreamUser {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let ticket = request
            .query_value::<&str>("ticket")
            .and_then(|ticket| ticket.ok());
        let found = match ticket {
            None => identify(request).await.map(|user| Self {
                user: (*user).clone(),
                ticket: None,
            }),
            Some(ticket) => by_ticket(request, ticket).await,
        };
        match found {
            Ok(user) => {
                Caller::note(request, &user.user.key);
                Outcome::Success(user)
            }
            Err(error) => Outcome::Error(stash(request, error)),
        }
    }
}

async fn by_ticket(request: &Request<'_>, ticket: &str) -> Result<StreamUser> {
    refuse_token_in_url(request)?;
    let db: &Db = request.rocket().state().ok_or(Code::Internal)?;
    let open: &Arc<Tickets> = request.rocket().state().ok_or(Code::Internal)?;
    let identities: &Arc<Identities> = request.rocket().state().ok_or(Code::Internal)?;
    let origin = request.headers().get_one("Origin");
    let refused: &Arc<RefusedTokens> = request.rocket().state().ok_or(Code::Internal)?;
    let hash = tickets::hash(ticket);
    if !open.known.contains_key(&hash) {
        refused.check(request)?;
    }
    let found = tickets::find(db, &hash, origin).await?.map(bought_by);
    // The key of the token that it was bought with may be published no more.
    let found = found.filter(|user| identities.stands(user));
    let user = refused.note(request, found.ok_or_else(|| Code::TicketInvalid.into()))?;
    open.known.insert(hash.clone(), ());
    let ticket = Ticket {
        hash,
        tickets: open.clone(),
    };
    Ok(StreamUser {
        user,
        ticket: Some(ticket),
    })
}

fn bought_by(holder: Holder) -> AuthUser {
    AuthUser {
        key: UserKey::new(&holder.tenant_id, &holder.user_id),
        is_service: false,
        organizations: Arc::default(),
        exp: holder.token_exp.timestamp(),
        iat: holder.token_iat,
        signed_with: holder.token_key.and_then(|key| key.try_into().ok()),
    }
}
