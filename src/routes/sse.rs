//! What an open stream says next. A reader that falls behind goes on by cursor, and nothing piles up for it here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::{Instant, Sleep};

use super::chunk::Chunk;
use super::closing::Closing;
use super::delivered::Desk;
use super::feed::Reader;
use super::page::{FeedPage, UnreadState};
use super::streams::Place;
use crate::auth::{AuthUser, Held, Identities, LEEWAY_SECS};
use crate::config::Config;
use crate::error::{Code, Error, Locale, Result};
use crate::live::Watch;
use crate::model::{Cursor, Transport};

/// Events read in one go; what else is there follows in the next chunk.
const PAGE: usize = 200;

/// Before its client should come back.
const SOON: Duration = Duration::from_millis(500);
/// The same where another stream goes on for it.
const LATE: Duration = Duration::from_secs(60);

/// Whose stream it is, and where it starts.
pub struct Opening {
    pub reader: Reader,
    pub user: AuthUser,
    /// What it was opened with, if not with a token.
    pub ticket: Option<Held>,
    pub locale: Locale,
    /// Held for as long as the stream is open.
    pub place: Arc<Place>,
    /// Made before the first read.
    pub watch: Watch,
    pub cursor: Cursor,
    /// Why the caller's cursor is of no use, if it is not.
    pub resync: Option<&'static str>,
    pub desk: Desk,
    pub identities: Arc<Identities>,
    pub closing: Closing,
}

/// A stream that has not ended.
pub struct Open {
    /// `cursor` is the last position that was put into a chunk; a heartbeat never claims more.
    of: Opening,
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

impl Open {
    /// With what it says first.
    pub fn new(of: Opening, config: &Config) -> (Self, Chunk) {
        let age = config.stream_secs as f64 * rand::random_range(0.8..1.2);
        let token_end = of.user.exp + LEEWAY_SECS;
        let lifetime = (token_end - chrono::Utc::now().timestamp()).max(0) as f64;
        let (life, why) = if age < lifetime {
            (age, "max-age")
        } else {
            (lifetime, "token-expired")
        };
        let now = Instant::now();
        let heartbeat = Duration::from_secs(config.heartbeat_secs);
        let mut open = Self {
            of,
            reading: None,
            unread: None,
            ephemeral: None,
            heartbeat,
            drain: Duration::from_secs(config.drain_secs),
            heartbeat_at: now + heartbeat,
            end: (now + Duration::from_secs_f64(life), why),
            timer: Box::pin(tokio::time::sleep_until(now + heartbeat)),
            ended: false,
        };
        let mut chunk = Chunk::default();
        open.greet(&mut chunk);
        // The first read follows at once: what came before the watch was registered is in it.
        open.read();
        (open, chunk)
    }

    /// Of its ticket, the hash.
    pub fn ticket(&self) -> Option<&[u8]> {
        self.of.ticket.as_ref().map(Held::hash)
    }

    pub fn place(&self) -> Arc<Place> {
        self.of.place.clone()
    }

    /// Whether it has said its last word.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Puts the next thing to say into the chunk. Ready without anything in it: look again.
    pub fn poll_next(&mut self, context: &mut Context<'_>, chunk: &mut Chunk) -> Poll<()> {
        if let Some(reading) = &mut self.reading {
            let page = ready!(reading.as_mut().poll(context));
            self.reading = None;
            match page {
                Ok(page) => self.take(page, chunk),
                Err(error) => self.fail(error, chunk),
            }
            return Poll::Ready(());
        }
        if self.of.watch.poll_woken(context).is_ready() {
            self.read();
            return Poll::Ready(());
        }
        self.poll_timer(context, chunk)
    }

    /// Heartbeats and the end of life share one timer.
    fn poll_timer(&mut self, context: &mut Context<'_>, chunk: &mut Chunk) -> Poll<()> {
        let next = self.heartbeat_at.min(self.end.0);
        if self.timer.deadline() != next {
            self.timer.as_mut().reset(next);
        }
        ready!(self.timer.as_mut().poll(context));
        if self.heartbeat_at <= Instant::now() {
            self.heartbeat_at = Instant::now() + self.heartbeat;
            let cursor = self.of.cursor;
            chunk.put(format!("id: {cursor}\nevent: heartbeat\ndata: {{}}\n\n"));
        }
        Poll::Ready(())
    }

    fn read(&mut self) {
        let (reader, cursor) = (self.of.reader.clone(), self.of.cursor);
        self.reading = Some(Box::pin(
            async move { reader.next_batch(cursor, PAGE).await },
        ));
    }

    fn greet(&mut self, chunk: &mut Chunk) {
        let retry = rand::random_range(2000..=6000);
        chunk.put(format!("retry: {retry}\n"));
        if let Some(reason) = self.of.resync {
            return self.resync(reason, chunk);
        }
        let (cursor, seconds) = (self.of.cursor, self.heartbeat.as_secs());
        chunk.put(format!(
            "id: {cursor}\nevent: hello\ndata: {{\"cursor\":\"{cursor}\",\"heartbeatSeconds\":{seconds}}}\n\n"
        ));
    }

    /// The cursor is of no use: here is the log's head, start again from `/v1/sync`.
    fn resync(&mut self, reason: &'static str, chunk: &mut Chunk) {
        self.of.closing.reason = reason;
        let cursor = self.of.cursor;
        chunk.put(format!(
            "id: {cursor}\nevent: resync\ndata: {{\"reason\":\"{reason}\",\"resync\":\"/v1/sync\"}}\n\n"
        ));
        self.ended = true;
    }

    fn take(&mut self, page: FeedPage, chunk: &mut Chunk) {
        for frame in &page.frames {
            chunk.put(frame.sse());
        }
        let of = &self.of;
        of.desk.handed_out(&of.reader.me, Transport::Stream, &page);
        self.of.cursor = page.cursor();
        if page.has_more {
            self.read();
        }
        let Some(unread) = page.unread else { return };
        let is_new = self.unread.as_ref().is_none_or(|old| {
            (old.total, old.conversations, old.notifications)
                != (unread.total, unread.conversations, unread.notifications)
        });
        if is_new || !unread.changed.is_empty() {
            // Numbers and ids: nothing here can fail to serialise.
            let json = serde_json::to_string(&unread).unwrap_or_default();
            chunk.put(format!("event: unread\ndata: {json}\n\n"));
        }
        self.unread = Some(unread);
        let Some(shown) = page.ephemeral else { return };
        if self.ephemeral.replace(shown.hash) != Some(shown.hash) {
            chunk.put("event: ephemeral\ndata: ");
            chunk.put(&shown.json);
            chunk.put("\n\n");
        }
    }

    fn fail(&mut self, error: Error, chunk: &mut Chunk) {
        self.ended = true;
        if error.code == Code::CursorExpired {
            if let Some(place) = self.of.reader.live.place() {
                self.of.cursor = place;
            }
            return self.resync("cursor-expired", chunk);
        }
        self.of.closing.failed(&error);
        let (locale, id) = (self.of.locale, self.of.closing.request_id());
        let problem = error.problem(locale, "/v1/events/stream", id);
        let json = serde_json::to_string(&problem).unwrap_or_default();
        chunk.put(format!("event: error\ndata: {json}\n\n"));
    }

    /// Ends it if it must end now. What is not being written yet is left out.
    pub fn end_if_due(&mut self, chunk: &mut Chunk) -> bool {
        let farewell = self.farewell();
        if let Some((reason, after)) = farewell {
            self.goodbye(reason, after, chunk);
        }
        farewell.is_some()
    }

    /// A newer stream of its ticket takes its place.
    pub fn replaced(&mut self, chunk: &mut Chunk) {
        self.goodbye("replaced", LATE, chunk);
    }

    /// Why this stream must end now, and over how long its clients should come back.
    fn farewell(&mut self) -> Option<(&'static str, Duration)> {
        if self.of.ticket.as_ref().is_some_and(Held::is_replaced) {
            return Some(("replaced", LATE));
        }
        if !self.of.identities.stands(&self.of.user) {
            return Some(("token-revoked", SOON));
        }
        if self.of.reader.live.is_draining() && self.end.1 != "shutdown" {
            // Spread out, so that the other instances are not asked by everybody in one second.
            let spread = self.drain.mul_f64(rand::random_range(0.0..0.75));
            let at = (Instant::now() + spread).min(self.end.0);
            self.end = (at, "shutdown");
        }
        (self.end.0 <= Instant::now()).then_some((self.end.1, SOON))
    }

    fn goodbye(&mut self, reason: &'static str, after: Duration, chunk: &mut Chunk) {
        self.ended = true;
        self.of.closing.reason = reason;
        let wait = after.as_millis() as u64 + rand::random_range(0..1500);
        chunk.cut();
        chunk.put(format!(
            "event: goodbye\ndata: {{\"reason\":\"{reason}\",\"reconnectAfterMs\":{wait}}}\n\n"
        ));
    }
}
