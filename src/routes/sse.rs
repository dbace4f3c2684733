//! One open stream: an `AsyncRead` of its own that drains what is queued into one chunk. A reader that falls behind
//! goes on by cursor, and nothing piles up for it here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use rocket::Request;
use rocket::http::{ContentType, Header};
use rocket::response::{self, Responder, Response};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use super::closing::Closing;
use super::delivered::Desk;
use super::feed::Reader;
use super::page::{FeedPage, UnreadState};
use crate::auth::{Identities, LEEWAY_SECS, StreamUser};
use crate::config::Config;
use crate::error::{Code, Error, Locale, Result};
use crate::live::{Seat, Watch};
use crate::model::{Cursor, Transport};

/// Events read in one go; what else is there follows in the next chunk.
const PAGE: usize = 200;
/// Bytes handed to the connection at once; each idle stream keeps a buffer of this size.
const CHUNK: usize = 8 * 1024;

/// Whose stream it is, and where it starts.
pub struct Opening {
    pub reader: Reader,
    pub caller: StreamUser,
    pub locale: Locale,
    /// Held for as long as the stream is open: of the user's streams, and of the instance's.
    pub _seat: Seat,
    pub _room: Option<OwnedSemaphorePermit>,
    /// Made before the first read.
    pub watch: Watch,
    pub cursor: Cursor,
    /// Why the caller's cursor is of no use, if it is not.
    pub resync: Option<&'static str>,
    pub desk: Desk,
    pub identities: Arc<Identities>,
    pub closing: Closing,
}

/// One open stream.
pub struct Stream {
    /// `cursor` is the last position that was written to the client; a heartbeat never claims more.
    of: Opening,
    greeted: bool,
    /// What is being written, and how much of it is.
    chunk: Vec<u8>,
    sent: usize,
    reading: Option<BoxFuture<'static, Result<FeedPage>>>,
    unread: Option<UnreadState>,
    /// Of what was last written of who types and who is there.
    ephemeral: Option<u64>,
    heartbeat: Duration,
    drain: Duration,
    heartbeat_at: Instant,
    /// When it ends by itself, and why.
    end: (Instant, &'static str),
    timer: Pin<Box<Sleep>>,
    ended: bool,
}

impl Stream {
    pub fn new(of: Opening, config: &Config) -> Self {
        let age = config.stream_secs as f64 * rand::random_range(0.8..1.2);
        let token_end = of.caller.user.exp + LEEWAY_SECS;
        let lifetime = (token_end - chrono::Utc::now().timestamp()).max(0) as f64;
        let (life, why) = if age < lifetime {
            (age, "max-age")
        } else {
            (lifetime, "token-expired")
        };
        let now = Instant::now();
        let heartbeat = Duration::from_secs(config.heartbeat_secs);
        Self {
            of,
            greeted: false,
            chunk: Vec::new(),
            sent: 0,
            reading: None,
            unread: None,
            ephemeral: None,
            heartbeat,
            drain: Duration::from_secs(config.drain_secs),
            heartbeat_at: now + heartbeat,
            end: (now + Duration::from_secs_f64(life), why),
            timer: Box::pin(tokio::time::sleep_until(now + heartbeat)),
            ended: false,
        }
    }
}

impl<'r> Responder<'r, 'static> for Stream {
    fn respond_to(self, _: &'r Request<'_>) -> response::Result<'static> {
        Response::build()
            .header(ContentType::EventStream)
            .header(Header::new("Cache-Control", "no-store, no-transform"))
            // nginx would hold back even the headers.
            .header(Header::new("X-Accel-Buffering", "no"))
            .streamed_body(self)
            .max_chunk_size(CHUNK)
            .ok()
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let this = &mut *self;
        // The chunk may be finished and the next one ready at once: drain into the buffer while there is room.
        loop {
            let rest = &this.chunk[this.sent..];
            if !rest.is_empty() {
                let n = rest.len().min(buffer.remaining());
                buffer.put_slice(&rest[..n]);
                this.sent += n;
                return Poll::Ready(Ok(()));
            }
            if this.ended {
                return Poll::Ready(Ok(()));
            }
            this.chunk.clear();
            // A burst must not leave every stream with a buffer of its size.
            this.chunk.shrink_to(CHUNK);
            this.sent = 0;
            ready!(this.poll_next(context));
        }
    }
}

impl Stream {
    /// Puts the next thing to say into the chunk. Ready without anything in it: look again.
    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.greeted {
            self.greeted = true;
            self.greet();
            // The first read follows at once: what came before the watch was registered is in it.
            self.read();
            return Poll::Ready(());
        }
        // Before what is being read is taken: a reader who is far behind must not outlive its token by reading on.
        if let Some((reason, after)) = self.farewell() {
            self.goodbye(reason, after);
            return Poll::Ready(());
        }
        if let Some(reading) = &mut self.reading {
            let page = ready!(reading.as_mut().poll(context));
            self.reading = None;
            match page {
                Ok(page) => self.take(page),
                Err(error) => self.fail(error),
            }
            return Poll::Ready(());
        }
        if self.of.watch.poll_woken(context).is_ready() {
            self.read();
            return Poll::Ready(());
        }
        self.poll_timer(context)
    }

    /// Heartbeats and the end of life share one timer.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let next = self.heartbeat_at.min(self.end.0);
        if self.timer.deadline() != next {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(context));
        if self.heartbeat_at <= Instant::now() {
            self.heartbeat_at = Instant::now() + self.heartbeat;
            self.chunk.extend_from_slice(
                format!("id: {}\nevent: heartbeat\ndata: {{}}\n\n", self.of.cursor).as_bytes(),
            );
        }
        Poll::Ready(())
    }

    fn read(&mut self) {
        let (reader, cursor) = (self.of.reader.clone(), self.of.cursor);
        self.reading = Some(Box::pin(
            async move { reader.next_batch(cursor, PAGE).await },
        ));
    }

    fn greet(&mut self) {
        let retry = rand::random_range(2000..=6000);
        let cursor = self.of.cursor;
        self.chunk
            .extend_from_slice(format!("retry: {retry}\n").as_bytes());
        match self.of.resync {
            None => self.chunk.extend_from_slice(format!(
                "id: {cursor}\nevent: hello\ndata: {{\"cursor\":\"{cursor}\",\"heartbeatSeconds\":{}}}\n\n", self.heartbeat.as_secs()).as_bytes()),
            Some(reason) => self.resync(reason),
        }
    }

    /// The cursor is of no use: here is the log's head, start again from `/v1/sync`.
    fn resync(&mut self, reason: &'static str) {
        self.of.closing.reason = reason;
        let text = format!(
            "id: {}\nevent: resync\ndata: {{\"reason\":\"{reason}\",\"resync\":\"/v1/sync\"}}\n\n",
            self.of.cursor
        );
        self.chunk.extend_from_slice(text.as_bytes());
        self.ended = true;
    }

    fn take(&mut self, page: FeedPage) {
        for frame in &page.frames {
            self.chunk.extend_from_slice(frame.sse());
        }
        let of = &self.of;
        of.desk.handed_out(&of.reader.me, Transport::Stream, &page);
        self.of.cursor = page.cursor();
        if page.has_more {
            self.read();
        }
        let Some(unread) = page.unread else { return };
        let is_new = self.unread.as_ref().is_none_or(|old| {
            (old.total, old.conversations) != (unread.total, unread.conversations)
        });
        if is_new || !unread.changed.is_empty() {
            // Numbers and ids: nothing here can fail to serialise.
            let json = serde_json::to_string(&unread).unwrap_or_default();
            self.chunk
                .extend_from_slice(format!("event: unread\ndata: {json}\n\n").as_bytes());
        }
        self.unread = Some(unread);
        let Some(shown) = page.ephemeral else { return };
        if self.ephemeral.replace(shown.hash) != Some(shown.hash) {
            self.chunk.extend_from_slice(b"event: ephemeral\ndata: ");
            self.chunk.extend_from_slice(&shown.json);
            self.chunk.extend_from_slice(b"\n\n");
        }
    }

    fn fail(&mut self, error: Error) {
        self.ended = true;
        if error.code == Code::CursorExpired {
            if let Some(place) = self.of.reader.live.place() {
                self.of.cursor = place;
            }
            return self.resync("cursor-expired");
        }
        self.of.closing.failed(&error);
        let (locale, id) = (self.of.locale, self.of.closing.request_id());
        let problem = error.problem(locale, "/v1/events/stream", id);
        let json = serde_json::to_string(&problem).unwrap_or_default();
        self.chunk
            .extend_from_slice(format!("event: error\ndata: {json}\n\n").as_bytes());
    }

    /// Why this stream must end now, and over how long its clients should come back.
    fn farewell(&mut self) -> Option<(&'static str, Duration)> {
        let soon = Duration::from_millis(500);
        if self
            .of
            .caller
            .ticket
            .as_ref()
            .is_some_and(|ticket| ticket.is_replaced())
        {
            return Some(("replaced", Duration::from_secs(60)));
        }
        if !self.of.identities.stands(&self.of.caller.user) {
            return Some(("token-revoked", soon));
        }
        if self.of.reader.live.is_draining() && self.end.1 != "shutdown" {
            // Spread out, so that the other instances are not asked by everybody in one second.
            let spread = self.drain.mul_f64(rand::random_range(0.0..0.75));
            let at = (Instant::now() + spread).min(self.end.0);
            self.end = (at, "shutdown");
        }
        (self.end.0 <= Instant::now()).then_some((self.end.1, soon))
    }

    fn goodbye(&mut self, reason: &'static str, after: Duration) {
        self.of.closing.reason = reason;
        let wait = after.as_millis() as u64 + rand::random_range(0..1500);
        self.chunk.extend_from_slice(
            format!(
                "event: goodbye\ndata: {{\"reason\":\"{reason}\",\"reconnectAfterMs\":{wait}}}\n\n"
            )
            .as_bytes(),
        );
        self.ended = true;
    }
}
