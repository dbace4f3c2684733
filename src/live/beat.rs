//! Ten times a second: ends what is over, and wakes who waits for it. No SQL.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::MissedTickBehavior;

use super::Live;

/// Feeds that are woken per beat, at most: somebody with thousands of contacts must not wake them in one moment.
pub(super) const WOKEN: usize = 2_000;
const BEAT: Duration = Duration::from_millis(100);
/// In beats: how often presence runs out, and how often people are forgotten whom no feed shows.
const EXPIRE: u64 = 10;
const FORGET: u64 = 600;
/// After a pause of Postgres nobody could be noted: they are given this long to be.
const GRACE: Duration = Duration::from_secs(10);

impl Live {
    pub(super) async fn beat(self: Arc<Self>) {
        let mut beats = tokio::time::interval(BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unsure_at: Option<Instant> = None;
        for beat in 0_u64.. {
            beats.tick().await;
            // A stream that is woken reads, and it must not end with an error because somebody has stopped typing.
            if !self.is_sure() {
                unsure_at = Some(Instant::now());
                continue;
            }
            for typist in self.ephemeral.typists.expire() {
                self.show(&typist);
            }
            if beat % EXPIRE == 0 {
                if unsure_at.is_none_or(|at| at.elapsed() > GRACE) {
                    self.ephemeral.expire();
                }
                self.ask_for_contacts();
            }
            if beat % FORGET == FORGET - 1 {
                let people = &self.ephemeral.people;
                people.retain(|_, person| person.is_watched());
                metrics::gauge!("causerie_people_watched").set(people.len() as f64);
            }
            self.ephemeral.wake(WOKEN);
        }
    }

    /// Wakes those who wait with contacts that are to be read: whoever waits does not ask by themselves.
    fn ask_for_contacts(&self) {
        let due = self
            .feeds
            .iter()
            .filter(|feed| feed.view.is_due() && feed.wants_ephemeral());
        let due: Vec<_> = due.map(|feed| feed.clone()).collect();
        self.ephemeral.change(due);
    }
}
