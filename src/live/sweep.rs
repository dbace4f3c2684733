//! What memory forgets, and which cursors are told to move on before the log forgets them.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Live;

/// A feed nobody has read for this long is dropped.
const IDLE: Duration = Duration::from_secs(600);
/// A cursor this old, or this many positions behind, is refreshed, so that a quiet reader never falls off the log.
const REFRESH_AGE: Duration = Duration::from_secs(300);
const REFRESH_LAG: i64 = 10_000;

impl Live {
    /// Every few seconds: forgets feeds nobody reads, and moves the age below which cursors are refreshed.
    pub(super) fn sweep(&self) {
        let Some(place) = *self.applied.borrow() else {
            return;
        };
        let mut core = self.core();
        let now = Instant::now();
        core.history.push_back((now, place.position));
        let mut old = 0;
        while core
            .history
            .front()
            .is_some_and(|(at, _)| now.duration_since(*at) > REFRESH_AGE)
        {
            old = core
                .history
                .pop_front()
                .map_or(old, |(_, position)| position);
        }
        // A small ring that is full forgets sooner.
        let lag = if core.ring.is_full() {
            REFRESH_LAG.min(core.ring.len() as i64 / 2)
        } else {
            REFRESH_LAG
        };
        let below = old.max(place.position - lag);
        self.refresh_below.fetch_max(below, Ordering::Relaxed);
        let idle: Vec<_> = self
            .feeds
            .iter()
            .filter(|feed| feed.is_idle(IDLE))
            .map(|feed| feed.clone())
            .collect();
        for feed in idle {
            if !feed.end_if_unwatched() {
                continue;
            }
            self.feeds.remove(&feed.key);
            for conversation in feed.conversations(place.position) {
                core.unfollow(&conversation, &feed);
            }
        }
        metrics::gauge!("causerie_feeds").set(self.feeds.len() as f64);
        metrics::gauge!("causerie_ring_events").set(core.ring.len() as f64);
        metrics::gauge!("causerie_ring_bytes").set(core.ring.bytes() as f64);
    }
}
