//! The one read behind poll, long-poll and stream: everything the caller may see after its cursor, from memory where
//! memory reaches, from Postgres below that.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::page::{FeedPage, Since, UnreadCount, UnreadState, cut, partial};
use crate::error::{Code, Error, Result};
use crate::live::{Batch, Feed, Held, Live, Miss, Watch};
use crate::model::{Cursor, Epoch, Frame, Position, UserKey};
use crate::store::{Db, bounded, catchup, log};

/// What the read needs, for one caller.
#[derive(Clone)]
pub struct Reader {
    pub live: Arc<Live>,
    pub db: Db,
    pub me: UserKey,
}

impl Reader {
    pub async fn feed(&self) -> Result<Arc<Feed>> {
        self.live.feed(&self.db, &self.me).await
    }

    /// The position a reader starts from; `cursor-expired` for a cursor of another log, or outside what is kept.
    pub async fn start(&self, since: Since) -> Result<Cursor> {
        let place = self.live.place().ok_or(Code::Unavailable)?;
        let cursor = match since {
            Since::Now => return Ok(place),
            Since::Oldest => {
                return Ok(Cursor {
                    position: self.live.log_floor(),
                    ..place
                });
            }
            Since::At(cursor) => cursor,
        };
        if cursor.epoch != place.epoch || cursor.position < self.live.log_floor() {
            return Err(Code::CursorExpired.into());
        }
        if cursor.position > place.position {
            Box::pin(self.reach(cursor)).await?;
        }
        Ok(cursor)
    }

    /// Waits for this instance to come as far as an instance that was quicker. Past the log's own end, it is of
    /// another log.
    async fn reach(&self, cursor: Cursor) -> Result<()> {
        self.live.poke.notify_one();
        let mut applied = self.live.applied();
        let reached = |at: &Option<Cursor>| {
            at.is_some_and(|at| at.epoch != cursor.epoch || at.position >= cursor.position)
        };
        let waited = tokio::time::timeout(Duration::from_secs(1), applied.wait_for(reached))
            .await
            .map(|at| at.ok().and_then(|at| *at));
        if matches!(waited, Ok(Some(at)) if at.epoch == cursor.epoch) {
            return Ok(());
        }
        if log::head(&self.db).await? < cursor.position {
            Err(Code::CursorExpired.into())
        } else {
            Err(Code::Unavailable.into())
        }
    }

    /// A registration with the caller's feed, which may end between being found and being watched.
    pub async fn watch(&self) -> Result<Watch> {
        loop {
            let watch = Feed::watch(&self.feed().await?);
            if watch.is_live() {
                return Ok(watch);
            }
            tokio::task::yield_now().await;
        }
    }

    /// Registers, then reads. The other way round, what is pushed in between would wake nobody.
    /// `all`: changes of who types and who is there wake it as well.
    pub async fn watch_and_read(
        &self,
        since: Cursor,
        limit: usize,
        all: bool,
    ) -> Result<(Watch, FeedPage)> {
        #[cfg(feature = "planted-faults")]
        if crate::faults::is_planted(crate::faults::Fault::ReadBeforeRegister) {
            let page = self.next_batch(since, limit).await?;
            crate::faults::dawdle().await;
            return Ok((self.watch().await?, page));
        }
        let watch = self.watch().await?;
        if all {
            watch.want_ephemeral();
        }
        Ok((watch, self.next_batch(since, limit).await?))
    }

    /// At most `limit` events after `since`.
    pub async fn next_batch(&self, since: Cursor, limit: usize) -> Result<FeedPage> {
        let mut from_store: Vec<Frame> = Vec::new();
        // Those that the page is about so far: their counts are told with it.
        let mut conversations: Vec<Uuid> = Vec::new();
        let mut position = since.position;
        loop {
            // Read before the feed: everything up to it is in the feed by then.
            let place = self.live.place().ok_or(Code::Unavailable)?;
            if place.epoch != since.epoch {
                return Err(Code::CursorExpired.into());
            }
            let feed = self.feed().await?;
            match feed.read(
                position,
                limit - from_store.len(),
                place.position,
                self.live.ring_floor(),
                &conversations,
            ) {
                Ok(batch) => return self.page(since, from_store, batch, &feed).await,
                Err(Miss::Ended) => continue,
                Err(Miss::Below(floor)) => {
                    let room = limit - from_store.len();
                    let page = Box::pin(self.catch_up(position, floor, room)).await?;
                    if page.epoch != since.epoch || position < page.floor {
                        return Err(Code::CursorExpired.into());
                    }
                    position = page.up_to;
                    for event in page.events {
                        conversations.extend(event.row.conversation_id);
                        from_store.push(event.frame);
                    }
                    // An empty window still moves the cursor: the client asks again at once.
                    if from_store.len() == limit || position < floor {
                        let position = cut(&mut from_store).unwrap_or(position);
                        return Ok(partial(since, from_store, position));
                    }
                }
            }
        }
    }

    async fn catch_up(
        &self,
        since: Position,
        up_to: Position,
        limit: usize,
    ) -> Result<catchup::FeedPage> {
        metrics::counter!("causerie_catch_ups_total").increment(1);
        let _permit = self.live.catch_up_permit().await?;
        catchup::feed(&self.db, &self.me, since, up_to, limit).await
    }

    /// What memory gave, after what Postgres gave; cut where it grows too large for one answer.
    async fn page(
        &self,
        since: Cursor,
        mut frames: Vec<Frame>,
        batch: Batch,
        feed: &Arc<Feed>,
    ) -> Result<FeedPage> {
        #[cfg(feature = "planted-faults")]
        let batch = match crate::faults::past_the_page(self.live.place()) {
            Some(head) => Batch {
                up_to: batch.up_to.max(head),
                has_more: false,
                ..batch
            },
            None => batch,
        };
        frames.extend(self.frames(since.epoch, &batch.events).await?);
        let changed = batch
            .changed
            .into_iter()
            .map(|(id, unread_count)| UnreadCount { id, unread_count })
            .collect();
        if let Some(position) = cut(&mut frames) {
            return Ok(partial(since, frames, position));
        }
        let unread = UnreadState {
            total: batch.unread.total,
            conversations: batch.unread.conversations,
            notifications: batch.unread.notifications,
            changed,
        };
        let ephemeral = match batch.has_more {
            true => None,
            false => Some(self.live.ephemeral(&self.db, feed).await),
        };
        Ok(FeedPage {
            epoch: since.epoch,
            from: since.position,
            up_to: batch.up_to,
            has_more: batch.has_more,
            frames,
            unread: (!batch.has_more).then_some(unread),
            last: Some(batch.last),
            quiet_for: batch.quiet_for,
            ephemeral,
        })
    }

    /// The bytes of events; those whose content changed are read anew, and kept for the next reader. By one reader of a
    /// conversation at a time: the others find what it has read.
    async fn frames(&self, epoch: Epoch, events: &[Arc<Held>]) -> Result<Vec<Frame>> {
        let stale = events.iter().find(|held| held.frame().is_err());
        let Some(stale) = stale else {
            let frames = events.iter().map(|held| held.frame());
            // One may have changed in between.
            if let Ok(frames) = frames.collect() {
                return Ok(frames);
            }
            return Box::pin(self.read_anew(epoch, events)).await;
        };
        let of = stale.row.conversation_id.or(stale.row.notification_id);
        let of = of.unwrap_or_default();
        let _turn = Box::pin(self.live.turn_to_read(of)).await;
        Box::pin(self.read_anew(epoch, events)).await
    }

    async fn read_anew(&self, epoch: Epoch, events: &[Arc<Held>]) -> Result<Vec<Frame>> {
        let found: Vec<_> = events.iter().map(|held| held.frame()).collect();
        let stale: Vec<_> = events
            .iter()
            .zip(&found)
            .filter(|(_, frame)| frame.is_err())
            .map(|(held, _)| held.row.position)
            .collect();
        if stale.is_empty() {
            return Ok(found.into_iter().flatten().collect());
        }
        let read = async { catchup::at(&mut *self.db.connection().await?, epoch, stale).await };
        let fresh = bounded(read).await?;
        let mut frames = Vec::with_capacity(events.len());
        for (held, frame) in events.iter().zip(found) {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(version) => {
                    let event = fresh
                        .iter()
                        .find(|event| event.row.position == held.row.position);
                    let event = event.ok_or_else(|| {
                        Error::from(Code::Unavailable).because("an event lost its content")
                    })?;
                    held.refresh(version, &event.frame);
                    frames.push(event.frame.clone());
                }
            }
        }
        Ok(frames)
    }
}
