//! Does the jobs whose time has come, a few at a time. Whichever instance takes one does it; when that is killed, another
//! takes it over once the lease has ended. So a job may be begun twice: what it does, it must do once by a key of its own.

mod email;
mod message;
mod notification;
mod reminder;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use metrics::{counter, gauge};
use sqlx::PgConnection;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{Config, JobSettings};
use crate::error::Result;
use crate::live::Live;
use crate::mail::Mailer;
use crate::model::{JobKind, JobState};
use crate::store::Db;
use crate::store::jobs::{self, Ending, Taken};
use crate::store::writer::Writer;

/// How soon a job is found whose time has come, or that another instance has put.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is counted what there is.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// What was begun when the instance drains may take so long; then it is given back.
const DRAIN: Duration = Duration::from_secs(5);

/// What jobs are done with.
pub struct Shop {
    pub db: Db,
    pub writer: Writer,
    pub live: Arc<Live>,
    pub config: Config,
    /// None where e-mail is off.
    pub mailer: Option<Mailer>,
}

/// Rung by whoever has put a job that is due at once.
#[derive(Default)]
pub struct Bell(Notify);

impl Bell {
    pub fn ring(&self) {
        self.0.notify_one();
    }
}

/// Runs until the instance drains, and then until what it has begun has ended or is given back. So long it holds `_working`,
/// for whoever waits for that.
pub async fn run(
    shop: Arc<Shop>,
    bell: Arc<Bell>,
    settings: JobSettings,
    _working: mpsc::Sender<()>,
) {
    let lease = Duration::from_secs(settings.lease_secs);
    let (over, is_over) = watch::channel(false);
    let mut search = Search::new(lease);
    let mut doing = JoinSet::new();
    while !shop.live.is_draining() && settings.at_once > 0 {
        while doing.try_join_next().is_some() {}
        let free = settings.at_once - doing.len();
        let taken = search.look(&shop, free).await;
        let is_all = taken.len() < free;
        for job in taken {
            doing.spawn(work::work(shop.clone(), job, lease, is_over.clone()));
        }
        tokio::select! {
            () = bell.0.notified(), if is_all => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(_) = doing.join_next() => {}
        }
    }
    let all = async { while doing.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        over.send_replace(true);
        while doing.join_next().await.is_some() {}
    }
}

/// Looks for what is due, on a connection of its own.
struct Search {
    lease: Duration,
    connection: Option<PgConnection>,
    looked: Option<Instant>,
    counted: Option<Instant>,
    is_failing: bool,
}

impl Search {
    fn new(lease: Duration) -> Self {
        Self {
            lease,
            connection: None,
            looked: None,
            counted: None,
            is_failing: false,
        }
    }

    /// At most `free` jobs, to be done now. A database that does not answer is said once, until it does again.
    async fn look(&mut self, shop: &Shop, free: usize) -> Vec<Taken> {
        match self.try_look(shop, free).await {
            Ok(taken) => {
                self.is_failing = false;
                taken
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(%error, "which jobs are due is not known; it is tried again");
                }
                Vec::new()
            }
        }
    }

    async fn try_look(&mut self, shop: &Shop, free: usize) -> Result<Vec<Taken>> {
        // Taken out, so that an error leaves no half-used connection behind.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => jobs::connect(shop.db.pool()).await?,
        };
        if is_time(&mut self.looked, LOOK_EVERY) {
            take_back(&mut connection).await?;
        }
        if is_time(&mut self.counted, COUNT_EVERY) {
            count(&mut connection).await?;
        }
        let taken = match free {
            0 => Vec::new(),
            free => jobs::take(&mut connection, self.lease, free as i64).await?,
        };
        self.connection = Some(connection);
        Ok(taken)
    }
}

/// Whether `every` has passed since it was so last.
fn is_time(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_time = last.is_none_or(|at| at.elapsed() >= every);
    if is_time {
        *last = Some(Instant::now());
    }
    is_time
}

async fn take_back(connection: &mut PgConnection) -> Result<()> {
    for orphan in jobs::take_back(connection).await? {
        let (kind, id) = (orphan.kind.as_str(), orphan.id);
        let is_dead = orphan.state == JobState::Dead;
        if is_dead {
            tracing::error!(job.id = %id, job.kind = kind, "a job is dead: whoever began it for the last time is gone");
        } else {
            tracing::warn!(job.id = %id, job.kind = kind, "a job is taken over from an instance that is gone");
        }
        let outcome = if is_dead { "dead" } else { "orphaned" };
        counter!("causerie_jobs_done_total", "kind" => kind, "outcome" => outcome).increment(1);
    }
    Ok(())
}

async fn count(connection: &mut PgConnection) -> Result<()> {
    let (counts, oldest) = jobs::standing(connection).await?;
    for (state, count) in counts {
        gauge!("causerie_jobs", "state" => state.as_str()).set(count as f64);
    }
    gauge!("causerie_jobs_oldest_due_seconds").set(oldest);
    Ok(())
}

/// The work itself, kind by kind.
async fn perform(shop: &Shop, job: &Taken) -> Ending {
    match job.kind {
        JobKind::Notification => notification::show(shop, job).await,
        JobKind::Email => email::send(shop, job).await,
        JobKind::Reminder => reminder::fire(shop, job).await,
        JobKind::Message => message::send(shop, job).await,
    }
}
