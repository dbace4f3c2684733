//! Following one conversation by a cursor of its own: `GET /v1/conversations/{id}/messages?since=`.

use uuid::Uuid;

use super::page::next_ms;
use super::respond::{Page, Polled};
use crate::auth::AuthUser;
use crate::error::{Code, Result};
use crate::live::Live;
use crate::model::{Cursor, Message};
use crate::store::Db;
use crate::store::messages::{self, Range};
use crate::store::writer::Writer;

/// Following one conversation by its own cursor.
pub(super) struct Follow<'r> {
    pub(super) me: &'r AuthUser,
    pub(super) id: Uuid,
    pub(super) live: &'r Live,
    pub(super) db: &'r Db,
    pub(super) writer: &'r Writer,
}

impl Follow<'_> {
    pub(super) async fn since(
        &self,
        since: &str,
        limit: i64,
        if_none_match: Option<&str>,
    ) -> Result<Polled> {
        let place = self.live.place().ok_or(Code::Unavailable)?;
        let since = match since {
            "0" => Cursor {
                position: 0,
                ..place
            },
            text => text.parse().map_err(|_| Code::InvalidCursor)?,
        };
        if since.epoch != place.epoch {
            return Err(Code::CursorExpired.into());
        }
        match self.read_memory(since, place, if_none_match).await? {
            Some(answer) => Ok(answer),
            None => self.read_store(since, limit).await,
        }
    }

    /// When nothing has happened in this conversation after the cursor: no SQL. A cursor of the future is for Postgres
    /// to judge: another instance may be ahead of this one.
    async fn read_memory(
        &self,
        since: Cursor,
        place: Cursor,
        if_none_match: Option<&str>,
    ) -> Result<Option<Polled>> {
        let feed = self.live.feed(self.db, &self.me.key).await?;
        let Some((last, _)) = feed
            .conversation(&self.id)
            .filter(|(last, _)| *last <= since.position && since.position <= place.position)
        else {
            return Ok(None);
        };
        let next_ms = next_ms(None, self.writer);
        self.live.see(&self.me.key, next_ms);
        let etag = self.etag(since, last);
        let known =
            if_none_match.is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
        let body = if known && since.position >= self.live.refresh_below() {
            None
        } else {
            Some(page(Vec::new(), false, place)?)
        };
        Ok(Some(Polled {
            body,
            etag,
            next_ms,
            is_idle: true,
        }))
    }

    async fn read_store(&self, since: Cursor, limit: i64) -> Result<Polled> {
        let range = Range::Since(since.position);
        let found = messages::list(self.db, &self.me.key, self.id, range, limit).await?;
        if found.epoch != since.epoch || since.position > found.head {
            return Err(Code::CursorExpired.into());
        }
        let newest = found.items.last().map(|message| message.changed_position);
        let position = newest
            .filter(|_| found.has_more)
            .unwrap_or(found.head.max(newest.unwrap_or(0)));
        let cursor = Cursor {
            epoch: found.epoch,
            position,
        };
        let next_ms = next_ms(None, self.writer);
        self.live.see(&self.me.key, next_ms);
        Ok(Polled {
            etag: self.etag(cursor, newest.unwrap_or(0)),
            body: Some(page(found.items, found.has_more, cursor)?),
            next_ms,
            is_idle: false,
        })
    }

    /// The same for every idle poll after one answer, whatever others write elsewhere.
    fn etag(&self, cursor: Cursor, last: i64) -> String {
        format!("W/\"{}-{}-{last}\"", cursor.epoch, self.id.simple())
    }
}

fn page(items: Vec<Message>, has_more: bool, cursor: Cursor) -> Result<Vec<u8>> {
    let page = Page {
        cursor: Some(cursor.to_string()),
        ..Page::linked(items, has_more, None)
    };
    Ok(serde_json::to_vec(&page)?)
}
