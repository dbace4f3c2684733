//! What a feed is asked for, and why it may not have it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::held::Held;
use crate::model::Position;

/// How much is unread, absolute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    pub total: i64,
    pub conversations: i64,
    pub notifications: i64,
}

/// What a read found in memory.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<Arc<Held>>,
    /// Everything up to here was looked at: the last event when there is more.
    pub up_to: Position,
    pub has_more: bool,
    /// Newest event of this user at or below `up_to`: what an ETag stands for.
    pub last: Position,
    pub unread: Unread,
    /// Of the conversations that these events are about.
    pub changed: Vec<(Uuid, i64)>,
    /// Since the newest event of this user.
    pub quiet_for: Option<Duration>,
}

/// Why memory cannot answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Miss {
    /// The cursor is below what this feed holds; it is complete above this position.
    Below(Position),
    Ended,
}
