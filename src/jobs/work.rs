//! One job from its being taken to the note of how it ended, whatever it does meanwhile: end, fail, hang or panic.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;
use futures::FutureExt;
use metrics::{counter, histogram};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::{Shop, perform};
use crate::model::{JobKind, JobState};
use crate::store::jobs::{self, Ending, Taken};

/// Ended before the lease does: nobody else has begun it.
pub const OF_THE_LEASE: f64 = 0.8;

/// Does it, and says how it ended.
pub async fn work(shop: Arc<Shop>, job: Taken, lease: Duration, is_over: watch::Receiver<bool>) {
    let began = Instant::now();
    let limit = lease.mul_f64(OF_THE_LEASE);
    let ending = guarded(perform(&shop, &job), &job, limit, is_over).await;
    histogram!("causerie_job_seconds", "kind" => job.kind.as_str())
        .record(began.elapsed().as_secs_f64());
    note(&shop, &job, &ending, began + lease).await;
}

/// Within `limit`; without what it panics with; given back when the instance ends first.
async fn guarded(
    work: impl Future<Output = Ending>,
    job: &Taken,
    limit: Duration,
    mut is_over: watch::Receiver<bool>,
) -> Ending {
    let again = |why: &str| Ending::Again(pause(job.attempts), why.to_owned());
    let work = timeout(limit, AssertUnwindSafe(work).catch_unwind());
    tokio::select! {
        biased;
        ended = work => match ended {
            Ok(Ok(ending)) => ending,
            Ok(Err(_)) => again("it panicked"),
            Err(_) => again("it took too long"),
        },
        // The other end is held for as long as anything runs.
        _ = is_over.wait_for(|is_over| *is_over) => match job.kind {
            // It may have been sent.
            JobKind::Email => again("the instance has ended"),
            _ => Ending::Later(Utc::now()),
        },
    }
}

/// Notes the end, and tries for as long as the lease lasts: what is done need not be begun again.
async fn note(shop: &Shop, job: &Taken, ending: &Ending, until: Instant) {
    let noted = loop {
        match jobs::end(shop.db.pool(), job, ending).await {
            Ok(noted) => break noted,
            Err(_) if Instant::now() < until && !shop.live.is_draining() => {
                sleep(Duration::from_secs(1)).await;
            }
            Err(error) => {
                tracing::warn!(%error, job.id = %job.id, "a job's end is not noted: it is done again when its lease has ended");
                return;
            }
        }
    };
    let (id, kind) = (job.id, job.kind.as_str());
    let cause = |why| logged(job.kind, why);
    let outcome = match (noted, ending) {
        (None, _) => "lost",
        (Some(JobState::Dead), Ending::Again(_, why) | Ending::Dead(why)) => {
            let attempts = job.attempts;
            tracing::error!(job.id = %id, job.kind = kind, attempts, error = %cause(why), "a job is dead");
            "dead"
        }
        (_, Ending::Again(wait, why)) => {
            let seconds = wait.as_secs();
            tracing::warn!(job.id = %id, job.kind = kind, error = %cause(why), seconds, "a job failed, and is tried again");
            "retried"
        }
        (_, Ending::Done | Ending::Repeat(_)) => "done",
        (_, Ending::Later(_)) => "later",
        (_, Ending::Dead(_)) => "dead",
        (_, Ending::Moot(_)) => "cancelled",
    };
    counter!("causerie_jobs_done_total", "kind" => kind, "outcome" => outcome).increment(1);
}

/// What servers say to an e-mail names whom it is for: in the log is what kind of answer it was, and the whole of it with the
/// job.
fn logged(kind: JobKind, why: &str) -> &str {
    match kind {
        JobKind::Email => why.split_once(':').map_or(why, |(class, _)| class),
        _ => why,
    }
}

/// Before the next attempt: 2 s, 4 s, 8 s … up to an hour, give or take a half, so that what failed together is not tried
/// together.
pub fn pause(attempts: i32) -> Duration {
    let seconds = 2f64.powi(attempts.clamp(1, 12)).min(3_600.0);
    Duration::from_secs_f64(seconds * rand::random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::jobs::taken;

    fn is_again(ending: &Ending, why: &str) -> bool {
        matches!(ending, Ending::Again(_, said) if said == why)
    }

    #[tokio::test]
    async fn what_panics_or_hangs_is_tried_again_and_what_is_cut_off_is_given_back() {
        let (job, limit) = (taken(1), Duration::from_millis(20));
        let (over, is_over) = watch::channel(false);
        let panics = async { panic!("on purpose") };
        let ending = guarded(panics, &job, limit, is_over.clone()).await;
        assert!(is_again(&ending, "it panicked"), "{ending:?}");
        let hangs = || std::future::pending();
        let ending = guarded(hangs(), &job, limit, is_over.clone()).await;
        assert!(is_again(&ending, "it took too long"), "{ending:?}");
        let done = async { Ending::Done };
        let ending = guarded(done, &job, limit, is_over.clone()).await;
        assert!(matches!(ending, Ending::Done), "{ending:?}");
        over.send_replace(true);
        let ending = guarded(hangs(), &job, Duration::from_secs(60), is_over).await;
        assert!(matches!(ending, Ending::Later(_)), "{ending:?}");
    }

    #[test]
    fn the_pause_doubles_up_to_an_hour_and_no_two_are_the_same() {
        for (attempts, seconds) in [(1, 2.0), (2, 4.0), (5, 32.0), (12, 3_600.0), (40, 3_600.0)] {
            let pauses: Vec<_> = (0..50).map(|_| pause(attempts).as_secs_f64()).collect();
            let within = seconds * 0.5..seconds * 1.5;
            assert!(pauses.iter().all(|one| within.contains(one)), "{pauses:?}");
            assert!(pauses.iter().any(|one| *one != pauses[0]), "{pauses:?}");
        }
    }
}
