//! What is behind the one lock of the live part.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::RingSize;
use super::feed::Feed;
use super::ring::Ring;
use crate::model::Position;

/// What the tail and the births of feeds change together. Held for microseconds, never across an await.
pub(super) struct Core {
    pub(super) ring: Ring,
    /// The active feeds of each conversation's members.
    pub(super) by_conversation: HashMap<Uuid, Vec<Arc<Feed>>>,
    /// Where the log stood, every few seconds: how old a position is.
    pub(super) history: VecDeque<(Instant, Position)>,
    /// Feeds of a log that is gone, whose readers are told as soon as the new one can be read.
    pub(super) orphans: Vec<Arc<Feed>>,
}

impl Core {
    pub(super) fn new(size: RingSize) -> Self {
        Self {
            ring: Ring::new(size),
            by_conversation: HashMap::new(),
            history: VecDeque::new(),
            orphans: Vec::new(),
        }
    }

    pub(super) fn follow(&mut self, conversation: Uuid, feed: &Arc<Feed>) {
        let feeds = self.by_conversation.entry(conversation).or_default();
        feeds.push(feed.clone());
    }

    pub(super) fn unfollow(&mut self, conversation: &Uuid, feed: &Arc<Feed>) {
        if let Some(feeds) = self.by_conversation.get_mut(conversation) {
            feeds.retain(|other| !Arc::ptr_eq(other, feed));
            if feeds.is_empty() {
                self.by_conversation.remove(conversation);
            }
        }
    }
}
