//! The streams that are open here, and how one is ended from outside. A stream whose client does not read is not polled:
//! nothing that it looks at itself, neither its end nor its token, would ever end it.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use rocket::Request;
use rocket::http::{ContentType, Header};
use rocket::response::{self, Responder, Response};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::chunk::{CHUNK, Chunk};
use super::sse::Open;
use crate::live::Seat;

/// How often those are looked at that do not look themselves. One that is idle costs a lock that nobody holds.
const LOOK: Duration = Duration::from_secs(1);

/// Of the user's streams one, and of the instance's. A stream that takes over another's ticket shares its place.
pub struct Place {
    pub _seat: Seat,
    pub _room: Option<OwnedSemaphorePermit>,
}

/// Those of this instance.
#[derive(Default)]
pub struct Streams(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    all: Vec<Weak<Mutex<Slot>>>,
    /// The newest of each ticket, by its hash: after a deploy thousands come back at once, and look for theirs.
    by_ticket: HashMap<Vec<u8>, Weak<Mutex<Slot>>>,
}

/// One stream, for whoever writes it and whoever ends it.
struct Slot {
    /// None once it has ended: what it held is given back, whether its client reads the rest or not.
    open: Option<Box<Open>>,
    chunk: Chunk,
    /// None while it is being written, which lasts as long as its client takes.
    waiting: Option<Waker>,
}

impl Streams {
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of the stream that is open here with this ticket.
    pub fn place(&self, ticket: &[u8]) -> Option<Arc<Place>> {
        let slot = self.entries().by_ticket.get(ticket)?.upgrade()?;
        let slot = lock(&slot);
        Some(slot.open.as_ref()?.place())
    }

    /// Takes a stream in. One that was opened with the same ticket ends.
    pub fn open(&self, open: Open, chunk: Chunk) -> Stream {
        let ticket = open.ticket().map(<[u8]>::to_vec);
        let slot = Arc::new(Mutex::new(Slot {
            open: Some(Box::new(open)),
            chunk,
            waiting: None,
        }));
        let entry = Arc::downgrade(&slot);
        let mut entries = self.entries();
        entries.all.push(entry.clone());
        let older = ticket.and_then(|ticket| entries.by_ticket.insert(ticket, entry));
        drop(entries);
        if let Some(older) = older.and_then(|older| older.upgrade()) {
            lock(&older).replace();
        }
        Stream(slot)
    }

    /// Ends those that must end and cannot find out, and forgets those that are gone; for as long as the process lives.
    pub async fn keep_ending(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK).await;
            let mut entries = self.entries();
            entries.by_ticket.retain(|_, slot| slot.strong_count() > 0);
            entries.all.retain(|slot| {
                let Some(slot) = slot.upgrade() else {
                    return false;
                };
                match slot.try_lock() {
                    Ok(mut slot) => slot.look_from_outside(),
                    Err(TryLockError::Poisoned(slot)) => slot.into_inner().look_from_outside(),
                    // It is being polled, and looks itself.
                    Err(TryLockError::WouldBlock) => {}
                }
                true
            });
        }
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Slot {
    /// One that waits for something to say is woken when there is reason to look.
    fn look_from_outside(&mut self) {
        if self.waiting.is_none() {
            self.look();
        }
    }

    /// Ends it if it must end now: a reader who is far behind must not outlive its token by reading on.
    fn look(&mut self) {
        let Some(open) = &mut self.open else { return };
        if open.has_ended() || open.end_if_due(&mut self.chunk) {
            self.open = None;
        }
    }

    /// A newer stream has its ticket.
    fn replace(&mut self) {
        if let Some(mut open) = self.open.take() {
            open.replaced(&mut self.chunk);
        }
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
    }

    fn poll(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<()> {
        self.waiting = None;
        loop {
            self.look();
            if self.chunk.hand_to(buffer) {
                return Poll::Ready(());
            }
            let Some(open) = &mut self.open else {
                return Poll::Ready(());
            };
            if open.poll_next(context, &mut self.chunk).is_pending() {
                self.waiting = Some(context.waker().clone());
                return Poll::Pending;
            }
        }
    }
}

/// One open stream, as its connection reads it.
pub struct Stream(Arc<Mutex<Slot>>);

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
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        ready!(lock(&self.0).poll(context, buffer));
        Poll::Ready(Ok(()))
    }
}
