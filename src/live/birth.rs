//! How a feed comes to be: a snapshot from Postgres, then the ring, under the tail's lock, so that no event falls
//! between the two.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::SemaphorePermit;

use super::feed::Feed;
use super::{Core, Live};
use crate::error::{Code, Result};
use crate::model::{Cursor, Position, UserKey};
use crate::store::unread::{self, Snapshot};
use crate::store::{Db, bounded};

impl Live {
    /// The feed of a user: the one in memory, or a new one for one statement.
    pub async fn feed(&self, db: &Db, key: &UserKey) -> Result<Arc<Feed>> {
        let found = self.feeds.get(key).map(|feed| feed.clone());
        let feed = match found {
            Some(feed) => feed,
            // Boxed, as all that is rare behind a poll: what a handler may await is moved and kept with each request.
            None => Box::pin(self.find_or_bear(db, key)).await?,
        };
        let at = *self.applied.borrow();
        if let Some(at) = at.filter(|at| at.position < feed.counted()) {
            Box::pin(self.reach(at, feed.counted())).await;
        }
        Ok(feed)
    }

    /// Lets the tail come as far as a feed counts: what is unread must have been told. A tail that takes longer than a
    /// second is late with everything, and does not hold up a page that opens.
    async fn reach(&self, at: Cursor, counted: Position) {
        let reached = |now: &Option<Cursor>| {
            now.is_none_or(|now| now.epoch != at.epoch || now.position >= counted)
        };
        self.poke.notify_one();
        let mut applied = self.applied.subscribe();
        let _ = tokio::time::timeout(Duration::from_secs(1), applied.wait_for(reached)).await;
    }

    /// Leave to read Postgres for a birth or a catch-up; 503 when that takes as long as a read may.
    pub async fn catch_up_permit(&self) -> Result<SemaphorePermit<'_>> {
        let permit = async {
            Ok(self
                .catch_ups
                .acquire()
                .await
                .map_err(|_| Code::ShuttingDown)?)
        };
        let permit = bounded(permit).await;
        // The client is told of the database: it may as well be that which takes so long.
        if permit
            .as_ref()
            .is_err_and(|error| error.code == Code::Unavailable)
        {
            metrics::counter!("causerie_refused_total", "limit" => "catch_ups").increment(1);
        }
        permit
    }

    async fn find_or_bear(&self, db: &Db, key: &UserKey) -> Result<Arc<Feed>> {
        // More than one try is for an epoch, or a ring, that moved on while the snapshot was read.
        for _ in 0..10 {
            if let Some(feed) = self.feeds.get(key) {
                return Ok(feed.clone());
            }
            let _permit = self.catch_up_permit().await?;
            let place = self.place().ok_or(Code::Unavailable)?;
            let floor = self.ring_floor.load(Ordering::Acquire);
            let snapshot = unread::snapshot(db, key, floor).await?;
            let core = self.core();
            if self
                .applied
                .borrow()
                .is_some_and(|now| now.epoch == place.epoch)
                && snapshot.head >= core.ring.floor()
            {
                return Ok(self.bear(core, key, &snapshot));
            }
        }
        Err(Code::Unavailable.into())
    }

    fn bear(
        &self,
        mut core: std::sync::MutexGuard<'_, Core>,
        key: &UserKey,
        snapshot: &Snapshot,
    ) -> Arc<Feed> {
        // Another request of the same user may have been quicker.
        if let Some(feed) = self.feeds.get(key) {
            return feed.clone();
        }
        let floor = core.ring.floor();
        let feed = Arc::new(Feed::new(key.clone(), floor, snapshot));
        let mut seen: Vec<_> = feed
            .conversations_known()
            .iter()
            .flat_map(|id| core.ring.of_conversation(id))
            .collect();
        seen.extend(core.ring.of_user(key));
        seen.retain(|held| held.row.position <= snapshot.head);
        seen.sort_by_key(|held| held.row.position);
        feed.fill(seen.into_iter());
        // What was applied here after the snapshot was taken is applied to it as the tail does it.
        for held in core.ring.after(snapshot.head) {
            if held.members.is_empty() || held.members.iter().any(|id| **id == *key.id) {
                feed.push(held, floor);
            }
        }
        let applied = self.applied.borrow().map_or(0, |at| at.position);
        for conversation in feed.conversations(applied) {
            core.follow(conversation, &feed);
        }
        self.feeds.insert(key.clone(), feed.clone());
        feed
    }

    pub fn ring_floor(&self) -> Position {
        self.ring_floor.load(Ordering::Acquire)
    }
}
