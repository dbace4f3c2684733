//! What waits for the writer, and how whoever asked is answered.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::batch::{Op, Outcome};
use crate::error::{Code, Error, Result};
use crate::model::Cursor;

/// Most items of one transaction.
const MAX_ITEMS: usize = 128;
/// Most bytes of text of one transaction.
const MAX_BYTES: usize = 1 << 20;
/// How long an answer waits for this instance's own tail, so that the caller can read its write.
const OWN_TAIL: Duration = Duration::from_secs(1);

/// An item in the queue, and who waits for it.
pub(super) struct Job {
    pub(super) op: Op,
    pub(super) deadline: Instant,
    pub(super) reply: oneshot::Sender<Result<Outcome>>,
    /// What it came to in the newest transaction, for the time when that is known to be committed.
    pub(super) outcome: Option<Result<Outcome>>,
}

/// Waits for one item, then takes what else is queued. What would make the batch too large is held for the next.
pub(super) async fn collect(
    jobs: &mut mpsc::Receiver<Job>,
    held: &mut Option<Job>,
) -> Option<Vec<Job>> {
    let first = match held.take() {
        Some(job) => job,
        None => jobs.recv().await?,
    };
    let mut bytes = first.op.bytes();
    let mut batch = vec![first];
    while batch.len() < MAX_ITEMS {
        let Ok(job) = jobs.try_recv() else { break };
        bytes += job.op.bytes();
        if bytes > MAX_BYTES {
            *held = Some(job);
            break;
        }
        batch.push(job);
    }
    Some(batch)
}

/// Refuses what has waited too long: whoever asked has been told nothing yet, and may ask again.
pub(super) fn drop_late(jobs: Vec<Job>) -> Vec<Job> {
    let now = Instant::now();
    let (late, jobs): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.deadline <= now);
    for job in late {
        let _ = job.reply.send(Err(
            Error::from(Code::Unavailable).because("not stored in time")
        ));
    }
    jobs
}

/// Off the writer's path, and one wait for all of a batch.
pub(super) async fn answer_once_applied(
    jobs: Vec<Job>,
    place: Cursor,
    mut applied: watch::Receiver<Option<Cursor>>,
) {
    let reached = applied.wait_for(|applied| reaches(*applied, place));
    // Late or not, the write is stored: a tail that lags must not make it look failed.
    let _ = tokio::time::timeout(OWN_TAIL, reached).await;
    answer(jobs);
}

pub(super) fn answer(jobs: Vec<Job>) {
    for job in jobs {
        let unknown = || Err(Error::from(Code::Internal).because("no outcome"));
        // Whoever asked may be gone; the write stands.
        let _ = job.reply.send(job.outcome.unwrap_or_else(unknown));
    }
}

/// Whether what was applied holds `place`, or is of another log.
pub(super) fn reaches(applied: Option<Cursor>, place: Cursor) -> bool {
    applied.is_some_and(|at| at.epoch != place.epoch || at.position >= place.position)
}
