//! The job that goes through the log for messages that stay unread. There is one for all instances, and it never ends: when
//! the instance that does it dies, another takes it over with its lease.

use std::time::Duration;

use chrono::{TimeDelta, Utc};

use super::Shop;
use super::digest::BACK_OFF;
use super::work::pause;
use crate::store::digest_sweep::{self, Clock};
use crate::store::jobs::{Ending, Taken};

/// How long a message may be unread beyond the time that is set.
const EVERY: TimeDelta = TimeDelta::seconds(15);
/// Events of one step.
const EVENTS: i64 = 500;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

pub(super) async fn go_on(shop: &Shop, job: &Taken) -> Ending {
    let now = Utc::now();
    let Some(period) = shop.tells_after() else {
        // Another instance may be set otherwise.
        return Ending::Later(now + EVERY);
    };
    let clock = Clock {
        now,
        period,
        back_off: BACK_OFF,
    };
    // After a step that was too long, a shorter one.
    let limit = (EVENTS >> job.attempts.saturating_sub(1).min(8)).max(1);
    match digest_sweep::go_on(&shop.db, &clock, limit).await {
        Ok(true) => Ending::Repeat(now),
        Ok(false) => Ending::Repeat(now + period.min(EVERY)),
        Err(error) => Ending::Again(pause(job.attempts).min(LONGEST_PAUSE), error.to_string()),
    }
}
