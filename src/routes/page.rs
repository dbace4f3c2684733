//! A page of a feed, where a reader starts, and how soon it should come back.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::{Code, Result};
use crate::live::Shown;
use crate::model::{Cursor, Epoch, Frame, Position};
use crate::store::writer::Writer;

/// Absolute, and true at the cursor it comes with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnreadState {
    pub total: i64,
    pub conversations: i64,
    /// Notifications that are not read.
    pub notifications: i64,
    /// The conversations of this page; of a backlog read in several, the last page's.
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
    /// Who types and who is there, now. Left out while there is more.
    pub ephemeral: Option<Arc<Shown>>,
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

/// Leaves no more frames than one answer should carry. Gives where it was cut.
pub(super) fn cut(frames: &mut Vec<Frame>) -> Option<Position> {
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
pub(super) fn partial(since: Cursor, frames: Vec<Frame>, up_to: Position) -> FeedPage {
    FeedPage {
        epoch: since.epoch,
        from: since.position,
        up_to,
        has_more: true,
        frames,
        unread: None,
        last: None,
        quiet_for: None,
        ephemeral: None,
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
