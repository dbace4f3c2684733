//! The one writer of an instance. It takes everything that is queued, writes it in one transaction under the log's
//! lock, answers, and takes the next: a lone message goes at once, a burst goes together.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge, histogram};
use sqlx::{Connection, PgConnection};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::Instant;

use super::batch::{self, Op, Outcome};
use super::committed::Committed;
use super::log::LogTransaction;
use super::queue::{Job, answer, answer_once_applied, collect, drop_late, reaches};
use super::{POINT_LOOK_UPS, connect_options, identity};
use crate::error::{Code, Error, Result};
use crate::model::Cursor;

/// What waits in front. Beyond it a write is refused with 503 at once.
const QUEUE: usize = 2048;
/// How long an item may wait to be stored. After that it is dropped unsent, with 503.
const DEADLINE: Duration = Duration::from_secs(8);
/// A batch slower than this was planned for other tables than there are now.
const SLOW: Duration = Duration::from_millis(100);
/// The server's own limits do not fire when it stands still: this one is ours.
const BATCH_TIMEOUT: Duration = Duration::from_secs(6);

/// The handle that routes hold.
#[derive(Clone)]
pub struct Writer {
    queue: mpsc::Sender<Job>,
}

/// What the writer needs of the rest of the instance, as plain tokio types: it knows nothing of feeds.
pub struct Wiring {
    pub url: String,
    /// What was committed, for the tail; when it is full, `poke` tells the tail to read instead.
    pub handed: mpsc::Sender<Committed>,
    pub poke: Arc<Notify>,
    /// How far the tail has applied the log.
    pub applied: watch::Receiver<Option<Cursor>>,
    /// Told each commit, to tell the other instances.
    pub committed: mpsc::Sender<()>,
}

impl Writer {
    pub fn start(wiring: Wiring) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        tokio::spawn(
            Task {
                wiring,
                connection: None,
                seen: None,
            }
            .run(jobs),
        );
        Self { queue }
    }

    /// Stores one item. Answered after COMMIT, when this instance can serve it (or a second later at the latest).
    pub async fn write(&self, op: Op) -> Result<Outcome> {
        let started = Instant::now();
        let (reply, answer) = oneshot::channel();
        let job = Job {
            op,
            deadline: started + DEADLINE,
            reply,
            outcome: None,
        };
        self.queue.try_send(job).map_err(|_| Code::Overloaded)?;
        let outcome = answer.await.map_err(|_| Code::ShuttingDown)??;
        histogram!("causerie_write_seconds").record(started.elapsed().as_secs_f64());
        Ok(outcome)
    }

    /// How full the queue is, 0 to 1: a sign of load that poll rhythms follow.
    pub fn fullness(&self) -> f64 {
        1.0 - self.queue.capacity() as f64 / QUEUE as f64
    }
}

struct Task {
    wiring: Wiring,
    connection: Option<PgConnection>,
    /// The newest place this instance has committed or applied: a log that ends below it is another log.
    seen: Option<Cursor>,
}

impl Task {
    async fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut held = None;
        while let Some(batch) = collect(&mut jobs, &mut held).await {
            gauge!("causerie_write_queue").set(jobs.len() as f64);
            histogram!("causerie_batch_items").record(batch.len() as f64);
            self.process(batch).await;
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
    }

    /// Writes a batch, again and again until its items' deadlines when the database is the reason that it fails.
    /// One bad item is that item's answer: the batch is halved until it stands alone.
    async fn process(&mut self, batch: Vec<Job>) {
        let mut pending = vec![batch];
        while let Some(jobs) = pending.pop() {
            let mut jobs = drop_late(jobs);
            let mut in_doubt = None;
            let mut pause = Duration::from_millis(20);
            while !jobs.is_empty() {
                let error = match self.attempt(&mut jobs, &mut in_doubt).await {
                    Ok(place) => {
                        let applied = self.wiring.applied.clone();
                        tokio::spawn(answer_once_applied(jobs, place, applied));
                        break;
                    }
                    Err(error) => error,
                };
                if error.code != Code::Unavailable {
                    if let [alone] = &mut *jobs {
                        alone.outcome = Some(Err(error));
                        answer(jobs);
                    } else {
                        counter!("causerie_batches_split_total").increment(1);
                        let rest = jobs.split_off(jobs.len() / 2);
                        pending.extend([rest, jobs]);
                    }
                    break;
                }
                tracing::warn!(%error, items = jobs.len(), "a batch is tried again");
                counter!("causerie_batches_retried_total").increment(1);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_millis(500));
                jobs = drop_late(jobs);
            }
        }
    }

    /// One transaction. On an error nothing of it is stored, or (an unknown COMMIT) the next attempt finds it.
    async fn attempt(
        &mut self,
        jobs: &mut [Job],
        in_doubt: &mut Option<Committed>,
    ) -> Result<Cursor> {
        let started = Instant::now();
        let applied = *self.wiring.applied.borrow();
        self.see(applied);
        // Taken out, so that a time-out or an error in the middle leaves no half-used connection behind.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.wiring.url, self.seen).await?,
        };
        let work = write(&mut connection, self.seen, jobs, in_doubt);
        match tokio::time::timeout(BATCH_TIMEOUT, work).await {
            Ok(Ok((head, committed))) => {
                // Stored whatever comes of this: a connection that cannot even forget its plans is given up.
                let keep = started.elapsed() <= SLOW
                    || in_time(connection.clear_cached_statements()).await;
                self.connection = keep.then_some(connection);
                histogram!("causerie_batch_seconds").record(started.elapsed().as_secs_f64());
                Ok(self.announce(head, committed))
            }
            Ok(Err(error)) => {
                if error.code != Code::Unavailable
                    && in_time(LogTransaction::rollback(&mut connection)).await
                {
                    self.connection = Some(connection);
                }
                Err(error)
            }
            Err(_) => Err(Error::from(Code::Unavailable).because("the batch took too long")),
        }
    }

    fn see(&mut self, place: Option<Cursor>) {
        match (self.seen, place) {
            (Some(seen), Some(place))
                if seen.epoch == place.epoch && seen.position >= place.position => {}
            (_, None) => {}
            (_, place) => self.seen = place,
        }
    }

    /// Hands what was written to the tail, and lets everybody look. Gives where the log must be applied to, to see it.
    fn announce(&mut self, head: Cursor, committed: Option<Committed>) -> Cursor {
        let place = committed.as_ref().map_or(head, Committed::place);
        self.see(Some(place));
        if committed.is_none() && reaches(*self.wiring.applied.borrow(), place) {
            return place;
        }
        if committed.is_none_or(|it| self.wiring.handed.try_send(it).is_err()) {
            self.wiring.poke.notify_one();
        }
        // Full means that a word to the others is already on its way.
        let _ = self.wiring.committed.try_send(());
        place
    }
}

/// Writes the items under the log's lock. What they came to stands beside them; what is about to be committed is `in_doubt`
/// until the COMMIT is answered. Gives where the log ended before, and what was appended.
async fn write(
    connection: &mut PgConnection,
    seen: Option<Cursor>,
    jobs: &mut [Job],
    in_doubt: &mut Option<Committed>,
) -> Result<(Cursor, Option<Committed>)> {
    let mut log = LogTransaction::begin(connection).await?;
    // What was found stored already (by another instance) lies at the head or below.
    let head = Cursor {
        epoch: log.epoch,
        position: log.head,
    };
    if seen.is_some_and(|seen| seen.epoch == head.epoch && head.position < seen.position) {
        return Err(
            Error::from(Code::Unavailable).because("the log ends below what was seen: another log")
        );
    }
    if let Some(committed) = in_doubt
        && committed.stands(&mut log).await?
    {
        LogTransaction::rollback(connection).await?;
        return Ok((head, in_doubt.take()));
    }
    let ops: Vec<&Op> = jobs.iter().map(|job| &job.op).collect();
    let outcomes = batch::apply(&mut log, &ops).await?;
    for (job, outcome) in jobs.iter_mut().zip(outcomes) {
        job.outcome = Some(outcome);
    }
    *in_doubt = log.write().await?;
    log.commit().await?;
    Ok((head, in_doubt.take()))
}

/// Whether it succeeded, and soon: the writer waits for nothing without a limit.
async fn in_time<T, E>(work: impl Future<Output = std::result::Result<T, E>>) -> bool {
    matches!(
        tokio::time::timeout(Duration::from_secs(2), work).await,
        Ok(Ok(_))
    )
}

/// The writer's connection. A stalled process may hold the log's lock no longer than these limits.
async fn connect(url: &str, seen: Option<Cursor>) -> Result<PgConnection> {
    let options = connect_options(url)?
        .application_name("causerie-writer")
        .options([
            ("lock_timeout", "2s"),
            ("statement_timeout", "5s"),
            ("idle_in_transaction_session_timeout", "2s"),
        ])
        .options(POINT_LOOK_UPS);
    let connect = async {
        let mut connection = PgConnection::connect_with(&options).await?;
        identity::check(&mut connection, seen).await?;
        Ok(connection)
    };
    super::bounded(connect).await
}
