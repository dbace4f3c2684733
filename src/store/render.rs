//! From rows of the log to events with their content, serialised once. The same for the tail and for catch-up, so that
//! a feed read from memory and the same feed read from Postgres carry the same bytes.

use std::sync::Arc;

use sqlx::PgConnection;
use uuid::Uuid;

use super::committed::Committed;
use super::content::Content;
use crate::error::Result;
use crate::model::{Epoch, EventRow, Frame, Position};

/// An event with its bytes, and what `live` must know to hand it out.
#[derive(Debug, Clone)]
pub struct Rendered {
    pub row: Arc<EventRow>,
    pub frame: Frame,
    /// Of a new conversation: everybody in it.
    pub members: Vec<String>,
    /// Of a message: who sent it, none for SYSTEM.
    pub sender: Option<String>,
    /// Of a message: whether it raises the unread count of everybody but its sender.
    pub counts_as_unread: bool,
    /// Of a message: the one it answers.
    pub reply_to: Option<Uuid>,
    /// Of a joining, or of one's own side: when the conversation was last active. 0 elsewhere.
    pub activity: Position,
    /// Of a new conversation: whether it is PRIVATE.
    pub is_private: bool,
    /// Of an erasure: what the person said in the conversation, as ranges of `seq`. It is unread to nobody any more.
    pub taken_back: Vec<(i64, i64)>,
}

/// Events of `rows`, in their order. A row whose content was erased for good (retention) is left out.
pub async fn render(
    connection: &mut PgConnection,
    epoch: Epoch,
    rows: Vec<EventRow>,
) -> Result<Vec<Rendered>> {
    let mut content = Content::read(connection, &rows).await?;
    let mut rendered = Vec::with_capacity(rows.len());
    for row in rows {
        let (position, kind) = (row.position, row.kind);
        match content.render(epoch, row)? {
            Some(event) => rendered.push(event),
            None => {
                tracing::warn!(event.position = position, event.kind = %kind, "an event without content was skipped");
            }
        }
    }
    Ok(rendered)
}

/// The same without SQL, of what this instance has just written; none when something of it must be read.
pub fn render_committed(committed: Committed) -> Option<Vec<Rendered>> {
    // What an erasure takes out of what is unread stands in Postgres, and so does what a notification says.
    let is_stored = |row: &EventRow| row.is_erasure() || row.notification_id.is_some();
    if committed.rows.iter().any(is_stored) {
        return None;
    }
    let mut content = Content::of(committed.messages);
    let epoch = committed.after.epoch;
    let rows = committed.rows.into_iter();
    rows.map(|row| content.render(epoch, row).ok().flatten())
        .collect()
}
