//! What a user may do at once, and how many streams an instance holds. The host's backend may do what it likes.
//!
//! A send is a message, also a conversation's first, an edit, and a deletion; a conversation's new name or end; a member's
//! coming, going and role: each is told to every member. What one writes of oneself counts as well: `PATCH /v1/me`, and a
//! stream ticket. Said again after a lost answer it counts again: that it is a repetition is known only once it was looked
//! for, and whoever is refused may repeat it safely. A refusal itself costs nothing. Who types is not counted: it is
//! absorbed, and in no log.

use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::auth::AuthUser;
use crate::config::LimitSettings;
use crate::error::{Code, Error, Result};
use crate::model::UserKey;
use crate::store::Db;
use crate::store::create::{self, Create};

/// Of this instance; each that is absent does not limit.
pub struct Limits {
    sends: Option<DefaultKeyedRateLimiter<UserKey>>,
    conversations: Option<DefaultKeyedRateLimiter<UserKey>>,
    streams: Option<Arc<Semaphore>>,
}

impl Limits {
    pub fn new(settings: &LimitSettings) -> Self {
        let burst = NonZeroU32::new(settings.sends_burst);
        let sends = NonZeroU32::new(settings.sends_per_second)
            .map(|rate| Quota::per_second(rate).allow_burst(burst.unwrap_or(rate)));
        let conversations = NonZeroU32::new(settings.conversations_per_hour).map(Quota::per_hour);
        let streams = NonZeroU32::new(settings.streams);
        Self {
            sends: sends.map(DefaultKeyedRateLimiter::keyed),
            conversations: conversations.map(DefaultKeyedRateLimiter::keyed),
            streams: streams.map(|most| Arc::new(Semaphore::new(most.get() as usize))),
        }
    }

    pub fn send(&self, me: &AuthUser) -> Result<()> {
        take(self.sends.as_ref(), me, Code::TooManySends)
    }

    /// One that is there already costs nothing; the message to it does.
    pub async fn create(&self, me: &AuthUser, create: &Create, db: &Db) -> Result<()> {
        if create.sends() {
            self.send(me)?;
        }
        if me.is_service || self.conversations.is_none() || create::is_there(db, create).await? {
            return Ok(());
        }
        let code = Code::TooManyConversations;
        take(self.conversations.as_ref(), me, code)
    }

    /// Room for one stream of this instance, for as long as the permit is held.
    pub fn stream(&self) -> Result<Option<OwnedSemaphorePermit>> {
        let Some(streams) = &self.streams else {
            return Ok(None);
        };
        let permit = streams.clone().try_acquire_owned();
        permit.map(Some).map_err(|_| Code::InstanceFull.into())
    }

    /// Forgets who has been quiet for long enough.
    pub fn forget(&self) {
        for limiter in [&self.sends, &self.conversations].into_iter().flatten() {
            limiter.retain_recent();
        }
    }
}

fn take(
    limiter: Option<&DefaultKeyedRateLimiter<UserKey>>,
    me: &AuthUser,
    code: Code,
) -> Result<()> {
    let Some(limiter) = limiter.filter(|_| !me.is_service) else {
        return Ok(());
    };
    limiter.check_key(&me.key).map_err(|refused| {
        let wait = refused.wait_time_from(DefaultClock::default().now());
        Error::later(code, wait)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn whoever_has_been_quiet_is_forgotten() {
        let limits = Limits::new(&LimitSettings {
            sends_per_second: 1000,
            sends_burst: 0,
            conversations_per_hour: 0,
            refused_tokens_per_minute: 0,
            streams: 0,
        });
        let sends = limits.sends.as_ref().expect("a limit");
        for user in 0..100 {
            let key = UserKey::new("default", &user.to_string());
            assert!(sends.check_key(&key).is_ok());
        }
        assert_eq!(sends.len(), 100);
        let began = Instant::now();
        while !sends.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(60), "{}", sends.len());
            limits.forget();
        }
    }
}
