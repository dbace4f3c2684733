//! `GET /v1/unread`: how much is unread, per conversation and in all.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::page::{UnreadCount, next_ms};
use super::params::HeaderOf;
use super::respond::Polled;
use crate::auth::AuthUser;
use crate::error::{Code, Result};
use crate::live::Live;
use crate::store::Db;
use crate::store::writer::Writer;

/// Absolute, and true at `cursor`.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnreadList {
    pub total: i64,
    /// Those with something unread.
    pub conversations: Vec<UnreadCount>,
    /// Notifications that are not read.
    pub notifications: i64,
    pub cursor: String,
}

/// Unread messages, in all and per conversation
#[utoipa::path(get, path = "/v1/unread", tag = "events", operation_id = "getUnread",
    params(("If-None-Match" = Option<String>, Header, description = "The `ETag` of the last answer")),
    responses(
        (status = 200, description = "What is unread", body = UnreadList, headers(("ETag" = String), ("X-Poll-Interval" = i64))),
        (status = 304, description = "The same as before"),
    ))]
#[get("/unread")]
pub async fn get(
    me: AuthUser,
    headers: HeaderOf<'_>,
    live: &State<Arc<Live>>,
    db: &Db,
    writer: &State<Writer>,
) -> Result<Polled> {
    let feed = live.feed(db, &me.key).await?;
    // Read before the counts: they are at least as new.
    let place = live.place().ok_or(Code::Unavailable)?;
    let (mut counts, notifications) = feed.unread();
    counts.sort_unstable();
    let total = counts.iter().map(|(_, count)| count).sum();
    // Of the person and every count: the same on all instances, and after a restart.
    let mut hasher = DefaultHasher::new();
    (&me.key, &counts, notifications).hash(&mut hasher);
    let etag = format!("W/\"{}-{:x}\"", place.epoch, hasher.finish());
    let next_ms = next_ms(None, writer);
    live.see(&me.key, next_ms);
    let known = headers
        .if_none_match
        .is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
    if known {
        return Ok(Polled {
            body: None,
            etag,
            next_ms,
            is_idle: true,
        });
    }
    let conversations = counts
        .into_iter()
        .map(|(id, unread_count)| UnreadCount { id, unread_count })
        .collect();
    let list = UnreadList {
        total,
        conversations,
        notifications,
        cursor: place.to_string(),
    };
    Ok(Polled {
        body: Some(serde_json::to_vec(&list)?),
        etag,
        next_ms,
        is_idle: false,
    })
}
