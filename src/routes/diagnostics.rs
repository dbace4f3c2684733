//! What a proxy in between makes of a stream and of a long answer. Nobody's data: `causerie doctor` asks, from outside.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rocket::http::{ContentType, Header};
use rocket::response::stream::ByteStream;
use rocket::response::{self, Responder, Response};
use rocket::{Request, Shutdown, State, get};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use utoipa::ToSchema;

use super::params::Query;
use super::respond::Json;
use crate::error::{Code, Problem, Result};

/// Asked for at the same time, of this instance: whoever may ask needs no token.
const AT_ONCE: usize = 16;
/// The longest, in seconds: longer than proxies usually wait.
const LONGEST: i64 = 120;
const USUAL: i64 = 10;

/// How many may be under way.
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Room {
    fn take(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.0.clone().try_acquire_owned();
        Ok(permit.map_err(|_| Code::Overloaded)?)
    }
}

fn seconds(query: &Query, name: &str, usual: i64) -> Result<Duration> {
    let asked = query.number(name, 1, LONGEST)?.unwrap_or(usual);
    Ok(Duration::from_secs(asked.unsigned_abs()))
}

/// A stream that says something now and then.
pub struct Ticks {
    length: Duration,
    every: Duration,
    room: OwnedSemaphorePermit,
    shutdown: Shutdown,
}

impl<'r> Responder<'r, 'r> for Ticks {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let Self {
            length,
            every,
            room,
            mut shutdown,
        } = self;
        let ticks = ByteStream! {
            // Held to the end of the stream.
            let _room = room;
            let began = Instant::now();
            yield "event: hello\ndata: {}\n\n".to_owned();
            let mut every = tokio::time::interval(every);
            every.tick().await;
            let end = tokio::time::sleep(length);
            tokio::pin!(end);
            loop {
                tokio::select! { _ = every.tick() => {}, () = &mut end => break, () = &mut shutdown => break }
                yield format!("event: tick\ndata: {{\"ms\":{}}}\n\n", began.elapsed().as_millis());
            }
            yield "event: end\ndata: {}\n\n".to_owned();
        };
        // As the stream of events is sent.
        Response::build_from(ticks.respond_to(request)?)
            .header(ContentType::EventStream)
            .header(Header::new("Cache-Control", "no-store, no-transform"))
            .header(Header::new("X-Accel-Buffering", "no"))
            .ok()
    }
}

/// A stream that says something now and then
///
/// `event: hello` at once, then `tick` with the milliseconds since, and `end` at its end: what comes late, all together or not
/// at all, something in between has held back or cut.
#[utoipa::path(get, path = "/v1/diagnostics/stream", tag = "operations", operation_id = "diagnoseStream", security(()),
    params(
        ("seconds" = Option<i64>, Query, description = "1 to 120; 10 unless said"),
        ("every" = Option<i64>, Query, description = "Seconds from tick to tick, 1 to 120; 1 unless said"),
    ),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 503, description = "Too many at once", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/diagnostics/stream")]
pub fn stream(query: Query, room: &State<Room>, shutdown: Shutdown) -> Result<Ticks> {
    let length = seconds(&query, "seconds", USUAL)?;
    let every = seconds(&query, "every", 1)?;
    Ok(Ticks {
        length,
        every,
        room: room.take()?,
        shutdown,
    })
}

/// How long it waited.
#[derive(Serialize, ToSchema)]
pub struct Waited {
    pub seconds: u64,
}

/// An answer that takes its time, as a long-poll does
#[utoipa::path(get, path = "/v1/diagnostics/wait", tag = "operations", operation_id = "diagnoseWait", security(()),
    params(("seconds" = Option<i64>, Query, description = "1 to 120; 10 unless said")),
    responses(
        (status = 200, description = "After that time, or at a deploy before", body = Waited),
        (status = 503, description = "Too many at once", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/diagnostics/wait")]
pub async fn wait(query: Query, room: &State<Room>, shutdown: Shutdown) -> Result<Json<Waited>> {
    let length = seconds(&query, "seconds", USUAL)?;
    let _room = room.take()?;
    let began = Instant::now();
    tokio::select! { () = tokio::time::sleep(length) => {}, () = shutdown => {} }
    Ok(Json::ok(Waited {
        seconds: began.elapsed().as_secs(),
    }))
}
