//! Somebody whose presence is of interest here: what is known of it, and which feeds show it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::{DateTime, Utc};

use super::clock::now;
use super::feed::Feed;
use crate::model::UserKey;
use crate::store::presence::Seen;

/// Shared by every feed here that has this person among its contacts.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) key: UserKey,
    known: Mutex<Known>,
    /// Weak: a feed holds its contacts, and goes when nobody reads it.
    watchers: Mutex<Vec<Weak<Feed>>>,
}

#[derive(Debug, Default)]
struct Known {
    is_online: bool,
    /// Until when, by `clock::now`, if nothing more is heard.
    until: u64,
    last_seen_at: Option<DateTime<Utc>>,
    /// Of the newest that was heard: what is older comes late.
    changed_at: Option<DateTime<Utc>>,
}

impl Person {
    pub(super) fn new(key: UserKey) -> Self {
        Self {
            key,
            known: Mutex::default(),
            watchers: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watching(&self) -> MutexGuard<'_, Vec<Weak<Feed>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives whether the person has come or gone by it. That somebody is still there is no change.
    pub(super) fn learn(&self, seen: &Seen) -> bool {
        let mut known = self.known();
        if seen.changed_at <= known.changed_at {
            return false;
        }
        known.changed_at = seen.changed_at;
        known.last_seen_at = seen.last_seen_at;
        known.until = now() + seen.left_ms.max(0) as u64;
        let is_online = seen.left_ms > 0;
        std::mem::replace(&mut known.is_online, is_online) != is_online
    }

    /// Gives whether the person's time is over by now. Nobody says goodbye: an instance that was killed cannot.
    pub(super) fn expire(&self) -> bool {
        let mut known = self.known();
        let is_over = known.is_online && known.until <= now();
        known.is_online &= !is_over;
        is_over
    }

    /// When the person was last seen, if they are ONLINE.
    pub(super) fn online(&self) -> Option<Option<DateTime<Utc>>> {
        let known = self.known();
        known.is_online.then_some(known.last_seen_at)
    }

    pub(super) fn watch(&self, feed: &Arc<Feed>) {
        let mut watching = self.watching();
        if !watching.iter().any(|other| is(other, feed)) {
            watching.push(Arc::downgrade(feed));
        }
    }

    pub(super) fn unwatch(&self, feed: &Arc<Feed>) {
        self.watching().retain(|other| !is(other, feed));
    }

    /// The feeds that show this person; those that are gone are forgotten.
    pub(super) fn watchers(&self) -> Vec<Arc<Feed>> {
        let mut watching = self.watching();
        watching.retain(|feed| feed.strong_count() > 0);
        watching.iter().filter_map(Weak::upgrade).collect()
    }

    pub(super) fn is_watched(&self) -> bool {
        self.watching().iter().any(|feed| feed.strong_count() > 0)
    }
}

fn is(weak: &Weak<Feed>, feed: &Arc<Feed>) -> bool {
    std::ptr::eq(weak.as_ptr(), Arc::as_ptr(feed))
}
