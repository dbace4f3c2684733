//! How a reader waits: one dirty bit. A slow reader has a cursor, not a queue, so nothing piles up behind it.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures::task::AtomicWaker;

use super::feed::Feed;

/// Set by the tail, cleared by the reader.
#[derive(Debug, Default)]
pub(super) struct Bit {
    dirty: AtomicBool,
    waker: AtomicWaker,
    /// Whether its reader wants to be woken when only typing or presence has changed.
    wants_ephemeral: AtomicBool,
}

impl Bit {
    pub(super) fn wants_ephemeral(&self) -> bool {
        self.wants_ephemeral.load(Ordering::Acquire)
    }

    pub(super) fn set(&self) {
        self.dirty.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// A registration with a feed: what is pushed after it was made wakes it. Dropped, it is gone.
#[derive(Debug)]
pub struct Watch {
    feed: Arc<Feed>,
    bit: Arc<Bit>,
}

impl Watch {
    pub(super) fn new(feed: Arc<Feed>, bit: Arc<Bit>) -> Self {
        Self { feed, bit }
    }

    pub fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Is woken by changes of who types and who is there as well. Said before the read, like the registration itself.
    pub fn want_ephemeral(&self) {
        self.bit.wants_ephemeral.store(true, Ordering::Release);
    }

    /// Whether its feed is pushed to. One that ended before the registration never wakes it.
    pub fn is_live(&self) -> bool {
        !self.feed.has_ended()
    }

    /// Ready once something may have changed since the last time it was.
    pub fn poll_woken(&self, context: &mut Context<'_>) -> Poll<()> {
        // Registered before the bit is looked at: a push in between finds the waker.
        self.bit.waker.register(context.waker());
        if self.bit.dirty.swap(false, Ordering::AcqRel) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    pub async fn woken(&self) {
        poll_fn(|context| self.poll_woken(context)).await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.feed.unwatch(&self.bit);
    }
}
