//! `GET /v1/events/stream`: the feed as server-sent events.

use std::sync::Arc;

use rocket::{State, get};

use super::closing::Closing;
use super::feed::Reader;
use super::instance::Instance;
use super::limits::Limits;
use super::page::Since;
use super::params::{HeaderOf, Query};
use super::sse::{Open, Opening};
use super::streams::{Place, Stream};
use crate::auth::StreamUser;
use crate::error::{Code, Locale, Problem, Result};
use crate::requests::LogContext;

/// The caller's feed, as it happens
///
/// `Last-Event-ID` wins over `since`. First `retry:`, then `event: hello` whose `id:` is the cursor the stream starts
/// from. Each durable event: `id:` its cursor, `event:` its type, `data:` the one-line Event. Without `id:`: `unread`
/// and `ephemeral`, the objects of a poll, once at the start and when they change. `heartbeat` every 15 s. `resync
/// {reason}` for an unusable cursor, `goodbye {reason, reconnectAfterMs}` at a deploy, old age, the token's end or its
/// revocation, or a newer stream of the same ticket, and `error {problem}`; each ends the stream.
#[utoipa::path(get, path = "/v1/events/stream", tag = "events", operation_id = "stream",
    params(
        ("since" = Option<String>, Query, description = "A cursor; absent = from now; `0` = from the oldest that is kept"),
        ("lastEventId" = Option<String>, Query, description = "The same, for clients that cannot set a header"),
        ("ticket" = Option<String>, Query, description = "A stream ticket, instead of a token"),
        ("Last-Event-ID" = Option<String>, Header, description = "A cursor; wins over the query"),
    ),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 429, description = "Too many streams of this user", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "`instance-full`: as many streams as this instance holds", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/events/stream")]
pub async fn open(
    caller: StreamUser,
    query: Query,
    headers: HeaderOf<'_>,
    here: Instance<'_>,
    locale: Locale,
    limits: &State<Arc<Limits>>,
    context: LogContext,
) -> Result<Stream> {
    let by_query = query.text("since")?.or(query.text("lastEventId")?);
    let since = Since::parse(headers.last_event_id.or(by_query.as_deref()));
    let StreamUser { user, ticket } = caller;
    let reader = here.reader(&user.key);
    let older = ticket
        .as_ref()
        .and_then(|ticket| here.streams.place(ticket.hash()));
    let place = match older {
        // A client that comes back must not be refused because its own older stream is still there.
        Some(place) => place,
        None => place(&here, &reader, limits).await?,
    };
    let start = match since.clone() {
        Ok(since) => reader.start(since).await,
        Err(error) => Err(error),
    };
    // An EventSource cannot read a status: it is told in the stream.
    let (cursor, resync) = match start {
        Ok(cursor) => (cursor, None),
        Err(error) if matches!(error.code, Code::CursorExpired | Code::InvalidCursor) => {
            (reader.start(Since::Now).await?, Some(error.code.as_str()))
        }
        Err(error) => return Err(error),
    };
    let watch = reader.watch().await?;
    watch.want_ephemeral();
    // Last of what may fail: from here on the older stream is a stranger to the ticket.
    let ticket = match ticket {
        Some(ticket) => Some(ticket.hold(here.db).await?),
        None => None,
    };
    if resync.is_none() && matches!(since, Ok(Since::At(_))) {
        here.desk
            .arrived(&reader.me, watch.feed(), cursor.position, here.config);
    }
    let opening = Opening {
        closing: Closing::new(context, &reader.me),
        reader,
        user,
        ticket,
        locale,
        place,
        watch,
        cursor,
        resync,
        desk: here.desk.clone(),
        identities: here.identities.clone(),
    };
    let (open, chunk) = Open::new(opening, here.config);
    Ok(here.streams.open(open, chunk))
}

/// A place of its own.
async fn place(here: &Instance<'_>, reader: &Reader, limits: &Limits) -> Result<Arc<Place>> {
    // Before anything that costs.
    let room = limits.stream()?;
    let most = here.config.streams_per_user;
    let seat = here.live.seat(&reader.feed().await?, true, most);
    Ok(Arc::new(Place {
        _seat: seat.ok_or(Code::TooManyStreams)?,
        _room: room,
    }))
}
