//! Whether what is in memory is known to be the present: a head of the log that was confirmed a moment ago.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Live;
use crate::model::Cursor;

/// A tail that has not confirmed the log's head for this long answers nothing from memory.
const FRESH: Duration = Duration::from_secs(5);
pub(super) const NEVER: u64 = u64::MAX;

impl Live {
    /// Where this instance stands in the log, when it knows so for sure: a head confirmed within five seconds.
    pub fn place(&self) -> Option<Cursor> {
        let before = *self.applied.borrow();
        let is_fresh = self.was_confirmed_within(FRESH);
        let applied = *self.applied.borrow();
        // A confirmation says something only of the log it was made for: `reset` may have come in between.
        let is_same_log = applied.map(|at| at.epoch) == before.map(|at| at.epoch);
        (is_fresh && is_same_log).then_some(applied).flatten()
    }

    fn was_confirmed_within(&self, span: Duration) -> bool {
        let confirmed = self.confirmed.load(Ordering::Acquire);
        confirmed != NEVER && (self.started + Duration::from_millis(confirmed)).elapsed() < span
    }

    /// Whether `place` will still be known when somebody who is woken now has read.
    pub(super) fn is_sure(&self) -> bool {
        self.was_confirmed_within(FRESH / 2)
    }

    /// The head was read by a statement that began at `began`.
    pub(super) fn confirm(&self, began: Instant) {
        let began = began.duration_since(self.started).as_millis() as u64;
        // A commit that took long says less than a read in the meantime.
        let newer = |known| (known == NEVER || known < began).then_some(began);
        let _ = self
            .confirmed
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, newer);
        let orphans = std::mem::take(&mut self.core().orphans);
        orphans.iter().for_each(|feed| feed.wake());
    }
}
