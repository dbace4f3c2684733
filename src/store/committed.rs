//! What a transaction appended: handed to the tail once it is committed, and looked for when nobody knows whether it was.

use std::time::Instant;

use sqlx::Row;

use super::log::LogTransaction;
use super::query;
use crate::error::Result;
use crate::model::{Cursor, EventRow, Message};

/// What a transaction appended, for this instance's own tail, which need not read it back.
#[derive(Debug)]
pub struct Committed {
    /// Where the log ended before. Whoever has applied it up to here goes on with `rows`: the lock let nobody between.
    pub after: Cursor,
    pub began: Instant,
    /// At least one.
    pub rows: Vec<EventRow>,
    /// Those that `rows` refer to, with their tenants.
    pub messages: Vec<(String, Message)>,
}

impl Committed {
    /// Where the log ends with it.
    pub fn place(&self) -> Cursor {
        Cursor {
            position: self.after.position + self.rows.len() as i64,
            ..self.after
        }
    }

    /// Whether it was committed after all. Under the log's lock: whoever wrote it has come to an end.
    pub async fn stands(&self, log: &mut LogTransaction<'_>) -> Result<bool> {
        let found = log.epoch == self.after.epoch && log.head >= self.place().position;
        let (true, Some(first)) = (found, self.rows.first()) else {
            return Ok(false);
        };
        // Another's first event would be of another moment.
        let row = query(
            "log.stands",
            "select occurred_at = $2 as stands from events where position = $1",
        )
        .bind(first.position)
        .bind(first.occurred_at)
        .fetch_optional(&mut *log.connection)
        .await?;
        Ok(row
            .map(|row| row.try_get("stands"))
            .transpose()?
            .unwrap_or(false))
    }
}
