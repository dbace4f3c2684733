//! `GET /v1/events`: the poll and, with `wait`, the long-poll.

use std::time::Duration;

use rocket::get;
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::feed::Reader;
use super::instance::Instance;
use super::page::{FeedPage, Since, UnreadState, next_ms};
use super::params::{HeaderOf, Query};
use super::respond::Polled;
use crate::auth::AuthUser;
use crate::error::{Code, Problem, Result};
use crate::model::{Cursor, EphemeralState, Event, Transport};
use crate::store::writer::Writer;

/// A page of the caller's feed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// The cursor this page starts after.
    pub from: String,
    /// Where to go on: `since` of the next request, or `Last-Event-ID` of a stream.
    pub cursor: String,
    /// Ask again at once.
    pub has_more: bool,
    pub events: Vec<Event>,
    /// Left out while `hasMore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<UnreadState>,
    /// Left out while `hasMore`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral: Option<EphemeralState>,
    pub poll: Rhythm,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rhythm {
    /// When to ask again, in milliseconds.
    pub next_ms: u64,
}

/// Everything new for the caller, in log order
///
/// Without `wait` a poll: answers at once. With it a long-poll: answers at the first event, or empty at the end. A
/// matching `If-None-Match` gives 304 instead of an empty page; a 200 without events says that `unread` or `ephemeral`
/// has changed, or refreshes the cursor.
///
/// Whoever polls, waits or streams is ONLINE for others, and OFFLINE 75 s after the last answer, or 1.5 × its `nextMs`
/// where that is longer; unless `presenceHidden` is set in `/v1/me`.
#[utoipa::path(get, path = "/v1/events", tag = "events", operation_id = "poll",
    params(
        ("since" = Option<String>, Query, description = "A cursor; absent = from now; `0` = from the oldest that is kept"),
        ("wait" = Option<i64>, Query, description = "Seconds to wait for the first event", minimum = 0, maximum = 50),
        ("limit" = Option<i64>, Query, description = "Most events", minimum = 1, maximum = 200),
        ("ephemeral" = Option<bool>, Query, description = "With `wait`: `1` = answer as well once `ephemeral` is not what the `If-None-Match` was given for (without one: not what it was at the start)"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of the last answer"),
    ),
    responses(
        (status = 200, description = "What came after `since`", body = EventPage, headers(("ETag" = String), ("X-Poll-Interval" = i64))),
        (status = 304, description = "Nothing new", headers(("ETag" = String), ("X-Poll-Interval" = i64))),
        (status = 410, description = "The cursor is of another log, too old or too new: start from `/v1/sync`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many waits of this user", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/events")]
pub async fn poll(
    me: AuthUser,
    query: Query,
    headers: HeaderOf<'_>,
    here: Instance<'_>,
) -> Result<Polled> {
    let Instance {
        live,
        config,
        desk,
        identities,
        ..
    } = here;
    let since = query.text("since")?;
    let since = Since::parse(since.as_deref())?;
    let wait = query
        .number("wait", 0, config.wait_secs as i64)?
        .unwrap_or(0);
    let limit = query.number("limit", 1, 200)?.unwrap_or(200) as usize;
    let all = query.flag("ephemeral")?;
    let reader = here.reader(&me.key);
    let start = reader.start(since).await?;
    if matches!(since, Since::At(_)) {
        desk.arrived(&reader.me, &*reader.feed().await?, start.position, config);
    }
    let page = if wait == 0 {
        reader.next_batch(start, limit).await?
    } else {
        let seat = live
            .seat(&reader.feed().await?, false, config.waits_per_user)
            .ok_or(Code::TooManyWaits)?;
        // Nothing is delivered after the token's end.
        let lifetime = (me.exp + crate::auth::LEEWAY_SECS - chrono::Utc::now().timestamp()).max(0);
        let deadline = Instant::now() + Duration::from_secs(wait.min(lifetime) as u64);
        let all = all.then(|| headers.if_none_match.and_then(ephemeral_of));
        let stands = || identities.stands(&me);
        let page = Box::pin(wait_for(&reader, start, limit, deadline, all, stands)).await?;
        drop(seat);
        page
    };
    let transport = if wait == 0 {
        Transport::Poll
    } else {
        Transport::LongPoll
    };
    desk.handed_out(&reader.me, transport, &page);
    let known = headers.if_none_match;
    Ok(answer(&reader, page, since, known, here.writer))
}

/// Watch, read, wait, in that order, until there is an event or the time is up. `all`: or until the ephemeral state is
/// not what the caller knows; who knows none, what it was at first.
async fn wait_for(
    reader: &Reader,
    since: Cursor,
    limit: usize,
    deadline: Instant,
    mut all: Option<Option<u64>>,
    stands: impl Fn() -> bool,
) -> Result<FeedPage> {
    loop {
        let (watch, page) = reader.watch_and_read(since, limit, all.is_some()).await?;
        // Not a word to a token that was taken back meanwhile.
        if !stands() {
            return Err(Code::TokenInvalid.into());
        }
        if !page.frames.is_empty() || page.has_more || reader.live.is_draining() {
            return Ok(page);
        }
        if let (Some(known), Some(shown)) = (&mut all, &page.ephemeral)
            && *known.get_or_insert(shown.hash) != shown.hash
        {
            return Ok(page);
        }
        if tokio::time::timeout_at(deadline, watch.woken())
            .await
            .is_err()
        {
            // Read once more: the cursor of an empty answer is as new as it can be, and never from a tail that is not.
            let page = reader.next_batch(since, limit).await?;
            return if stands() {
                Ok(page)
            } else {
                Err(Code::TokenInvalid.into())
            };
        }
    }
}

fn answer(
    reader: &Reader,
    page: FeedPage,
    since: Since,
    if_none_match: Option<&str>,
    writer: &Writer,
) -> Polled {
    let next_ms = if reader.live.is_draining() {
        rand::random_range(1_000..5_000)
    } else {
        next_ms(page.quiet_for, writer)
    };
    reader.live.see(&reader.me, next_ms);
    let etag = etag(reader, &page);
    let is_idle = page.frames.is_empty() && !page.has_more;
    // A cursor that has fallen behind is refreshed by a 200, so that a quiet reader never falls off the log.
    let is_near = page.from >= reader.live.refresh_below();
    let knows = if_none_match.is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
    let body = if is_idle && is_near && knows && matches!(since, Since::At(_)) {
        None
    } else {
        Some(json(&page, next_ms))
    };
    Polled {
        body,
        etag,
        next_ms,
        is_idle,
    }
}

/// Stands for the user, the newest event it may see, what is unread, who types and who is there: the same on every
/// instance while nothing changes for this user, however the log grows for others.
fn etag(reader: &Reader, page: &FeedPage) -> String {
    let unread = page.unread.as_ref().map_or((0, 0, 0), |unread| {
        (unread.total, unread.conversations, unread.notifications)
    });
    let of_user = {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        reader.me.hash(&mut hasher);
        hasher.finish() as u32
    };
    let place = page
        .last
        .map_or_else(|| format!("s{}", page.up_to), |last| last.to_string());
    let ephemeral = page.ephemeral.as_ref().map_or(0, |shown| shown.hash);
    #[cfg(feature = "planted-faults")]
    let ephemeral = match crate::faults::is_planted(crate::faults::Fault::EtagIgnoresTyping) {
        true => 0,
        false => ephemeral,
    };
    format!(
        "W/\"{}-{place}-{}-{}-{}-{of_user:x}-{ephemeral:x}\"",
        page.epoch, unread.0, unread.1, unread.2
    )
}

/// The ephemeral state that an `If-None-Match` was given for.
fn ephemeral_of(if_none_match: &str) -> Option<u64> {
    let (_, last) = if_none_match.trim_end_matches('"').rsplit_once('-')?;
    u64::from_str_radix(last, 16).ok()
}

/// The body, put together from bytes that were serialised once for everybody.
fn json(page: &FeedPage, next_ms: u64) -> Vec<u8> {
    let from = Cursor {
        epoch: page.epoch,
        position: page.from,
    };
    let size: usize = page.frames.iter().map(|frame| frame.json().len() + 1).sum();
    let size = size + page.ephemeral.as_ref().map_or(0, |shown| shown.json.len());
    let mut body = Vec::with_capacity(size + 256);
    body.extend_from_slice(
        format!(
            "{{\"from\":\"{from}\",\"cursor\":\"{}\",\"hasMore\":{},\"events\":[",
            page.cursor(),
            page.has_more
        )
        .as_bytes(),
    );
    for (i, frame) in page.frames.iter().enumerate() {
        if i > 0 {
            body.push(b',');
        }
        body.extend_from_slice(frame.json());
    }
    body.push(b']');
    if let Some(unread) = &page.unread {
        body.extend_from_slice(b",\"unread\":");
        // Numbers and ids: nothing here can fail to serialise.
        body.extend_from_slice(&serde_json::to_vec(unread).unwrap_or_default());
    }
    if let Some(shown) = &page.ephemeral {
        body.extend_from_slice(b",\"ephemeral\":");
        body.extend_from_slice(&shown.json);
    }
    body.extend_from_slice(format!(",\"poll\":{{\"nextMs\":{next_ms}}}}}").as_bytes());
    body
}
