//! One event in memory, shared by every feed that shows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

use crate::model::{EventRow, Frame, Position};
use crate::store::render::Rendered;

/// The row of an event and, unless its content has changed since, its bytes.
#[derive(Debug)]
pub struct Held {
    pub row: Arc<EventRow>,
    /// Of a new conversation: everybody in it.
    pub members: Vec<String>,
    /// Of a message: who sent it, none for SYSTEM.
    pub sender: Option<String>,
    /// Of a message: whether it raises the unread count of everybody but its sender.
    pub counts_as_unread: bool,
    /// Of a message: the one it answers.
    pub reply_to: Option<Uuid>,
    /// Of a joining, or of one's own side: when the conversation was last active.
    pub activity: Position,
    /// Of a new conversation: whether it is PRIVATE.
    pub is_private: bool,
    /// Of an erasure: what it takes out of what is unread, as ranges of `seq`.
    pub taken_back: Vec<(i64, i64)>,
    content: Mutex<Content>,
}

#[derive(Debug)]
struct Content {
    /// None: the resource changed, and the next reader reads it anew.
    frame: Option<Frame>,
    /// Raised by each change, so that a slow reader cannot put back what it read before the change.
    version: u32,
}

impl Held {
    pub(super) fn new(event: Rendered) -> Self {
        let Rendered {
            row,
            frame,
            members,
            sender,
            counts_as_unread,
            reply_to,
            activity,
            is_private,
            taken_back,
        } = event;
        Self {
            row,
            members,
            sender,
            counts_as_unread,
            reply_to,
            activity,
            is_private,
            taken_back,
            content: Mutex::new(Content {
                frame: Some(frame),
                version: 0,
            }),
        }
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The bytes, or the version that must still hold when they are put back.
    pub fn frame(&self) -> Result<Frame, u32> {
        let content = self.content();
        content.frame.clone().ok_or(content.version)
    }

    /// Puts back what was read after `frame` gave `version`.
    pub fn refresh(&self, version: u32, frame: &Frame) {
        let mut content = self.content();
        if content.version == version {
            content.frame = Some(frame.clone());
        }
    }

    /// The resource changed: no old text is handed out from here on.
    pub(super) fn forget(&self) {
        let mut content = self.content();
        content.frame = None;
        content.version += 1;
    }

    pub(super) fn bytes(&self) -> usize {
        let frame = self
            .content()
            .frame
            .as_ref()
            .map_or(0, |frame| frame.sse().len());
        frame
            + 256
            + 16 * self.taken_back.len()
            + self.members.iter().map(|id| id.len() + 24).sum::<usize>()
    }
}
