//! The one read behind poll, long-poll and stream: everything the caller may see after its cursor, from memory where
//! memory reaches, from Postgres below that.

use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Code, Error, Result};
use crate::live::{Batch, Feed, Held, Live, Miss, Watch};
use crate::model::{Cursor, Epoch, Frame, Position, UserKey};
use crate::store::writer::Writer;
use crate::store::{Db, bounded, catchup, log, render};

/// What the read needs, for one caller.
#[derive(Clone)]
pub struct Reader {
    pub live: std::sync::Arc<Live>,
    pub db: Db,
    pub me: UserKey,
}

/// Absolute, and true at the cursor it comes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnreadState {
    pub total: i64,
    pub conversations: i64,
    /// The conversations of this page.
    pub changed: Vec<UnreadCount>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnreadCount {
    pub id: Uuid,
    pub unread_count: i64,
}

/// A page of the caller's feed.
pub struct FeedPage {
    pub epoch: Epoch,
    pub from: Position,
    /// That of the last event while there is more, else the position up to which was looked.
    pub up_to: Position,
    pub has_more: bool,
    pub frames: Vec<Frame>,
    /// Left out while there is more.
    pub unread: Option<UnreadState>,
    /// Newest event of the caller at or below `up_to`: what the ETag stands for. None: it was read from Postgres.
    pub last: Option<Position>,
    pub quiet_for: Option<Duration>,
}

impl FeedPage {
    pub fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            position: self.up_to,
        }
    }
}

/// Where a reader starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Now,
    /// `since=0`.
    Oldest,
    At(Cursor),
}

impl Since {
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None => Ok(Self::Now),
            Some("0") => Ok(Self::Oldest),
            Some(text) => text
                .parse()
                .map(Self::At)
                .map_err(|_| Code::InvalidCursor.into()),
        }
    }
}

impl Reader {
    pub async fn feed(&self) -> Result<std::sync::Arc<Feed>> {
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
            self.reach(cursor).await?;
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

    /// Registers, then reads. The other way round, what is pushed in between would wake nobody.
    pub async fn watch_and_read(&self, since: Cursor, limit: usize) -> Result<(Watch, FeedPage)> {
        #[cfg(feature = "planted-faults")]
        if crate::faults::is_planted(crate::faults::Fault::ReadBeforeRegister) {
            let page = self.next_batch(since, limit).await?;
            crate::faults::dawdle().await;
            return Ok((Feed::watch(&self.feed().await?), page));
        }
        let watch = Feed::watch(&self.feed().await?);
        Ok((watch, self.next_batch(since, limit).await?))
    }

    /// At most `limit` events after `since`.
    pub async fn next_batch(&self, since: Cursor, limit: usize) -> Result<FeedPage> {
        let mut from_store: Vec<Frame> = Vec::new();
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
            ) {
                Ok(batch) => return self.page(since, from_store, batch).await,
                Err(Miss::Ended) => continue,
                Err(Miss::Below(floor)) => {
                    let page = self
                        .catch_up(position, floor, limit - from_store.len())
                        .await?;
                    if page.epoch != since.epoch || position < page.floor {
                        return Err(Code::CursorExpired.into());
                    }
                    position = page.up_to;
                    from_store.extend(page.events.into_iter().map(|event| event.frame));
                    // An empty window still moves the cursor: the client asks again at once.
                    if from_store.len() == limit || position < floor {
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
        let _permit = self
            .live
            .catch_ups
            .acquire()
            .await
            .map_err(|_| Code::ShuttingDown)?;
        catchup::feed(&self.db, &self.me, since, up_to, limit).await
    }

    /// What memory gave, after what Postgres gave; cut where it grows too large for one answer.
    async fn page(&self, since: Cursor, mut frames: Vec<Frame>, batch: Batch) -> Result<FeedPage> {
        #[cfg(feature = "planted-faults")]
        let batch = crate::faults::skip_to_head(batch, self.live.place());
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
            changed,
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
        })
    }

    /// The bytes of events; those whose content changed are read anew, and kept for the next reader.
    async fn frames(&self, epoch: Epoch, events: &[std::sync::Arc<Held>]) -> Result<Vec<Frame>> {
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
        let fresh =
            bounded(async { render::at(&mut *self.db.connection().await?, epoch, stale).await })
                .await?;
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

/// Leaves no more frames than one answer should carry. Gives where it was cut.
fn cut(frames: &mut Vec<Frame>) -> Option<Position> {
    const MAX_BYTES: usize = 512 * 1024;
    let mut bytes = 0;
    let fits = frames.iter().take_while(|frame| {
        bytes += frame.sse().len();
        bytes <= MAX_BYTES
    });
    let keep = fits.count().max(1);
    if keep >= frames.len() {
        return None;
    }
    frames.truncate(keep);
    frames.last().map(Frame::position)
}

/// A page that ends before what is known: the rest is asked for at once.
fn partial(since: Cursor, frames: Vec<Frame>, up_to: Position) -> FeedPage {
    FeedPage {
        epoch: since.epoch,
        from: since.position,
        up_to,
        has_more: true,
        frames,
        unread: None,
        last: None,
        quiet_for: None,
    }
}

/// When to ask again, in milliseconds: soon in a live exchange, later when nothing moves or the service is loaded.
pub fn next_ms(quiet_for: Option<Duration>, writer: &Writer) -> u64 {
    const MAX: u64 = 60_000;
    let rhythm = match quiet_for.map(|quiet| quiet.as_secs()) {
        Some(0..15) => 1_000,
        Some(15..900) => 3_000,
        Some(900..3_600) => 5_000,
        Some(3_600..) => 10_000,
        // Nothing is known of this user: a page that has just been opened.
        None => 3_000,
    };
    let fullness = writer.fullness();
    if fullness < 0.25 {
        rhythm
    } else {
        (rhythm as f64 * (1.0 + 19.0 * fullness)).min(MAX as f64) as u64
    }
}
