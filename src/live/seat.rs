//! How many streams and waits a user, and the whole instance, have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use super::feed::Feed;

/// Of one user.
#[derive(Debug, Default)]
pub(super) struct Seats {
    streams: AtomicU32,
    waits: AtomicU32,
}

impl Seats {
    /// Whether the user has any stream or wait open.
    pub(super) fn any_taken(&self) -> bool {
        let taken = |seats: &AtomicU32| seats.load(Ordering::Acquire) > 0;
        taken(&self.streams) || taken(&self.waits)
    }

    fn of(&self, is_stream: bool) -> &AtomicU32 {
        if is_stream {
            &self.streams
        } else {
            &self.waits
        }
    }
}

/// One of a user's streams or waits; given back when dropped.
#[derive(Debug)]
pub struct Seat {
    feed: Arc<Feed>,
    is_stream: bool,
    /// All of the instance.
    open: Arc<AtomicUsize>,
}

impl Seat {
    /// None when the user has `max` of them already: evicting the oldest would make tabs chase each other.
    pub(super) fn take(
        feed: &Arc<Feed>,
        is_stream: bool,
        max: u32,
        open: &Arc<AtomicUsize>,
    ) -> Option<Self> {
        let seats = feed.seats.of(is_stream);
        let below = |taken| (taken < max).then_some(taken + 1);
        seats
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, below)
            .ok()?;
        metrics::gauge!(gauge(is_stream)).increment(1.0);
        open.fetch_add(1, Ordering::AcqRel);
        Some(Self {
            feed: feed.clone(),
            is_stream,
            open: open.clone(),
        })
    }
}

fn gauge(is_stream: bool) -> &'static str {
    if is_stream {
        "causerie_streams_open"
    } else {
        "causerie_waits_open"
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        metrics::gauge!(gauge(self.is_stream)).decrement(1.0);
        self.feed
            .seats
            .of(self.is_stream)
            .fetch_sub(1, Ordering::AcqRel);
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}
