//! Who of this instance's people is there, noted and told while they are. Seen is whoever polls, waits or streams.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Live;
use super::clock::now;
use super::feed::Feed;
use super::speaker::Word;
use crate::error::Result;
use crate::model::UserKey;
use crate::store::Db;
use crate::store::presence::{self, Here};

const TICK: Duration = Duration::from_secs(1);
/// After a tick that failed.
const PAUSE: Duration = Duration::from_secs(4);
/// Rows noted by one statement.
const TOGETHER: usize = 1_000;
/// What was changed is read this many seconds further back than it was read: an upsert takes a while to commit.
const OVERLAP: f64 = 5.0;

/// Since when, and until when, one user counts as being there. By `clock::now`.
#[derive(Debug, Default)]
pub(super) struct Alive {
    seen_at: AtomicU64,
    until: AtomicU64,
    /// Up to when this instance has noted it; 0 = it has not.
    noted: AtomicU64,
}

impl Alive {
    fn see(&self, for_ms: u64) {
        let now = now();
        self.seen_at.fetch_max(now, Ordering::AcqRel);
        self.until.fetch_max(now + for_ms, Ordering::AcqRel);
    }

    /// Notes it again at the next tick: the user chose something.
    pub(super) fn forget(&self) {
        self.noted.store(0, Ordering::Release);
    }

    /// What is to be noted: who has come, and who stays while what was noted runs out within `margin`.
    fn due(&self, key: &UserKey, margin: u64) -> Option<(Here, u64)> {
        let (now, until) = (now(), self.until.load(Ordering::Acquire));
        let noted = self.noted.load(Ordering::Acquire);
        if until <= now || until <= noted || noted >= now + margin {
            return None;
        }
        let here = Here {
            key: key.clone(),
            left_ms: (until - now) as i64,
            ago_ms: now.saturating_sub(self.seen_at.load(Ordering::Acquire)) as i64,
        };
        Some((here, until))
    }
}

impl Live {
    /// Somebody was given an answer, and told to come again in `next_ms`.
    pub fn see(&self, key: &UserKey, next_ms: u64) {
        if let Some(feed) = self.feeds.get(key) {
            feed.alive
                .see(self.ephemeral.presence_ms.max(next_ms * 3 / 2));
        }
    }

    /// Notes who is there, and reads what others have noted, for as long as the process lives. At its end nobody is
    /// declared gone: whoever is sent away goes on elsewhere.
    pub async fn keep_presence(self: Arc<Self>, db: Db) {
        // 15 s of 75: if a word is lost, it is found here.
        let every = Duration::from_millis(self.ephemeral.presence_ms / 5);
        let mut read_at = Instant::now();
        loop {
            tokio::time::sleep(TICK).await;
            let is_time = read_at.elapsed() >= every;
            let done = async {
                self.note(&db).await?;
                if is_time {
                    let back = read_at.elapsed().as_secs_f64() + OVERLAP;
                    let seen = presence::recent(&db, back).await?;
                    self.ephemeral.learn(&seen);
                }
                Result::Ok(())
            };
            match done.await {
                Ok(()) if is_time => read_at = Instant::now(),
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "who is there was not noted");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn note(&self, db: &Db) -> Result<()> {
        // 30 s of 75, and never less than two ticks.
        let margin = (self.ephemeral.presence_ms * 2 / 5).max(2_000);
        let mut due: Vec<(Arc<Feed>, Here, u64)> = Vec::new();
        for feed in &self.feeds {
            if feed.seats.any_taken() {
                feed.alive.see(self.ephemeral.presence_ms);
            }
            if let Some((here, until)) = feed.alive.due(&feed.key, margin) {
                due.push((feed.clone(), here, until));
            }
        }
        while !due.is_empty() {
            let rest = due.split_off(due.len().min(TOGETHER));
            let (feeds, here): (Vec<_>, Vec<_>) = due
                .into_iter()
                .map(|(feed, here, until)| ((feed, until), here))
                .unzip();
            // Before the statement: a choice that is made meanwhile asks for another.
            for (feed, until) in &feeds {
                feed.alive.noted.store(*until, Ordering::Release);
            }
            let seen = match presence::note(db, &here).await {
                Ok(seen) => seen,
                Err(error) => {
                    feeds.iter().for_each(|(feed, _)| feed.alive.forget());
                    return Err(error);
                }
            };
            self.ephemeral.learn(&seen);
            for one in &seen {
                self.ephemeral.tell(Word::Presence(one.into()));
            }
            due = rest;
        }
        Ok(())
    }
}
