//! What a proxy in between makes of a stream and of a long answer. Nobody's data: `causerie doctor` asks, from outside.

use std::time::{Duration, Instant};

use rocket::http::{ContentType, Header};
use rocket::response::stream::ByteStream;
use rocket::response::{self, Responder, Response};
use rocket::{Request, Shutdown, State, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::params::Query;
use super::respond::Json;
use super::room::{Room, Seat};
use crate::client_ip::ClientIp;
use crate::error::{Problem, Result};

/// The longest stream, in seconds: longer than proxies usually let anything live.
const LONGEST: i64 = 120;
/// The longest silence: a client that left is noticed when something is sent to it, and its seat is free.
const SILENCE: i64 = 15;
/// The longest wait, which keeps its seat to the end: as long as a long-poll may be.
const LONGEST_WAIT: i64 = 50;
const USUAL: i64 = 10;

fn seconds(query: &Query, name: &str, usual: i64, most: i64) -> Result<Duration> {
    let asked = query.number(name, 1, most)?.unwrap_or(usual);
    Ok(Duration::from_secs(asked.unsigned_abs()))
}

/// A stream that says something now and then.
pub struct Ticks {
    length: Duration,
    every: Duration,
    seat: Seat,
    shutdown: Shutdown,
}

impl<'r> Responder<'r, 'r> for Ticks {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let Self {
            length,
            every,
            seat,
            mut shutdown,
        } = self;
        let ticks = ByteStream! {
            // Held to the end of the stream.
            let _seat = seat;
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
        ("every" = Option<i64>, Query, description = "Seconds from tick to tick, 1 to 15; 1 unless said"),
    ),
    responses(
        (status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "A parameter that is not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No seat is free: 16 at once, 4 of one address", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/diagnostics/stream")]
pub fn stream(
    query: Query,
    client: ClientIp,
    room: &State<Room>,
    shutdown: Shutdown,
) -> Result<Ticks> {
    let length = seconds(&query, "seconds", USUAL, LONGEST)?;
    let every = seconds(&query, "every", 1, SILENCE)?;
    Ok(Ticks {
        length,
        every,
        seat: room.take(client)?,
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
    params(("seconds" = Option<i64>, Query, description = "1 to 50; 10 unless said")),
    responses(
        (status = 200, description = "After that time, or at a deploy before", body = Waited),
        (status = 400, description = "A parameter that is not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No seat is free: 16 at once, 4 of one address", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/diagnostics/wait")]
pub async fn wait(
    query: Query,
    client: ClientIp,
    room: &State<Room>,
    shutdown: Shutdown,
) -> Result<Json<Waited>> {
    let length = seconds(&query, "seconds", USUAL, LONGEST_WAIT)?;
    let _seat = room.take(client)?;
    let began = Instant::now();
    tokio::select! { () = tokio::time::sleep(length) => {}, () = shutdown => {} }
    Ok(Json::ok(Waited {
        seconds: began.elapsed().as_secs(),
    }))
}
