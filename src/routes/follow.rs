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
        let feed = self.live.feed(self.db, &self.me.key).await?;
        let next_ms = next_ms(None, self.writer);
        // From memory when nothing has happened in this conversation after the cursor: no SQL.
        if let Some((last, _)) = feed
            .conversation(&self.id)
            .filter(|(last, _)| *last <= since.position)
        {
            let etag = self.etag(since, last);
            let known =
                if_none_match.is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
            let refresh = since.position < self.live.refresh_below();
            let cursor = Cursor {
                position: place.position.max(since.position),
                ..place
            };
            let body = if known && !refresh {
                None
            } else {
                Some(page(Vec::new(), false, cursor)?)
            };
            return Ok(Polled {
                body,
                etag,
                next_ms,
                is_idle: true,
            });
        }
        let found = messages::list(
            self.db,
            &self.me.key,
            self.id,
            Range::Since(since.position),
            limit,
        )
        .await?;
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
        let etag = self.etag(cursor, newest.unwrap_or(0));
        Ok(Polled {
            body: Some(page(found.items, found.has_more, cursor)?),
            etag,
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
