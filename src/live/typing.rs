//! Who types where, for six seconds at a time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::now;
use super::held::Held;
use crate::model::UserKey;

/// Milliseconds for which somebody types who says it once.
pub(super) const LASTS_MS: u64 = 6_000;
/// One start per this many milliseconds and person is passed on, two in a row at most.
const EVERY_MS: u64 = 3_000;
/// An end is remembered for this long, in case the start it belongs to comes after it.
const REMEMBERED_MS: u64 = 10_000;

/// That somebody has started or ended, as instances tell it each other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TypingWord {
    pub(super) tenant: String,
    pub(super) user: String,
    pub(super) conversation: Uuid,
    pub(super) name: Option<String>,
    /// By the clock of the database: of two words the newer counts.
    pub(super) at: DateTime<Utc>,
    /// 0 = ended.
    pub(super) left_ms: u64,
}

impl TypingWord {
    pub(super) fn key(&self) -> UserKey {
        UserKey::new(&self.tenant, &self.user)
    }
}

/// Somebody who types, from their start to their end; shared by the feeds that show it.
#[derive(Debug)]
pub(super) struct Typist {
    pub(super) key: UserKey,
    pub(super) conversation: Uuid,
    pub(super) name: Option<String>,
    /// A flag rather than a removal from each feed: a start that is handed out late cannot outlive its end.
    has_ended: AtomicBool,
}

impl Typist {
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }
}

/// Everybody who types, and a while longer.
#[derive(Debug, Default)]
pub(super) struct Typists(Mutex<HashMap<UserKey, Current>>);

/// What one person types: one conversation at a time.
#[derive(Debug, Default)]
struct Current {
    at: DateTime<Utc>,
    until: u64,
    typist: Option<Arc<Typist>>,
    /// When all starts that were passed on here are paid for.
    paid_at: u64,
}

impl Current {
    fn end(&mut self) -> Option<Arc<Typist>> {
        let typist = self.typist.take()?;
        typist.has_ended.store(true, Ordering::Release);
        Some(typist)
    }

    fn is_in(&self, conversation: Uuid) -> bool {
        let typist = self.typist.as_ref();
        typist.is_some_and(|typist| typist.conversation == conversation)
    }
}

impl Typists {
    fn all(&self) -> MutexGuard<'_, HashMap<UserKey, Current>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether what a person says here is to be passed on. An end of what is shown always is.
    pub(super) fn admit(&self, word: &TypingWord) -> bool {
        let (mut all, now) = (self.all(), now());
        let current = all.entry(word.key()).or_default();
        if current.is_in(word.conversation) {
            if word.left_ms == 0 {
                return true;
            }
            if current.until > now + LASTS_MS - EVERY_MS {
                return false;
            }
        } else if word.left_ms == 0 && current.until > now {
            // Their message, or a start elsewhere, has ended it for everybody already.
            return false;
        }
        let paid_at = current.paid_at.max(now);
        if paid_at > now + EVERY_MS {
            return false;
        }
        current.paid_at = paid_at + EVERY_MS;
        true
    }

    /// Takes in what somebody has said, here or elsewhere. Gives whose typing has ended or begun by it.
    pub(super) fn take(&self, word: &TypingWord) -> Vec<Arc<Typist>> {
        let mut all = self.all();
        let current = all.entry(word.key()).or_default();
        if word.at <= current.at {
            return Vec::new();
        }
        current.at = word.at;
        if word.left_ms == 0 {
            // Remembered, in case it is the start that comes late.
            current.until = current.until.max(now());
            if !current.is_in(word.conversation) {
                return Vec::new();
            }
            return current.end().into_iter().collect();
        }
        current.until = now() + word.left_ms.min(LASTS_MS);
        if current.is_in(word.conversation) {
            return Vec::new();
        }
        let mut changed: Vec<_> = current.end().into_iter().collect();
        let typist = Arc::new(Typist {
            key: word.key(),
            conversation: word.conversation,
            name: word.name.clone(),
            has_ended: AtomicBool::new(false),
        });
        current.typist = Some(typist.clone());
        changed.push(typist);
        changed
    }

    /// Somebody's message has come, and what they typed before it is there; or they were erased.
    pub(super) fn sent(&self, held: &Held) -> Option<Arc<Typist>> {
        let (row, mut all) = (&held.row, self.all());
        if all.is_empty() {
            return None;
        }
        let by = match row.is_erasure() {
            true => row.subject_user_id.as_deref(),
            false => held.sender.as_deref(),
        };
        let current = all.get_mut(&UserKey::new(&row.tenant_id, by?))?;
        let is_there = row.is_erasure() || current.is_in(row.conversation_id?);
        let is_meant = is_there && current.at < row.occurred_at;
        is_meant.then(|| current.end()).flatten()
    }

    /// Ends those whose time is over, and gives them.
    pub(super) fn expire(&self) -> Vec<Arc<Typist>> {
        let (mut all, now) = (self.all(), now());
        let mut ended = Vec::new();
        all.retain(|_, current| {
            if current.until <= now {
                ended.extend(current.end());
            }
            current.until + REMEMBERED_MS > now || current.paid_at > now
        });
        ended
    }

    /// Those who type now.
    pub(super) fn present(&self) -> Vec<Arc<Typist>> {
        let all = self.all();
        all.values()
            .filter_map(|current| current.typist.clone())
            .collect()
    }
}
