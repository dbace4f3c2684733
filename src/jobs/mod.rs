//! Does the jobs whose time has come, a few at a time. Whichever instance takes one does it; when that is killed, another
//! takes it over once the lease has ended. So a job may be begun twice: what it does, it must do once by a key of its own.

pub mod digest;
mod email;
mod message;
mod notification;
mod reminder;
mod sweep;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use metrics::{counter, gauge};
use sqlx::PgConnection;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinSet;

use crate::config::{Config, JobSettings};
use crate::error::Result;
use crate::live::Live;
use crate::mail::Mailer;
use crate::model::{JobKind, JobState};
use crate::store::jobs::{self, Ending, Places, Taken};
use crate::store::writer::Writer;
use crate::store::{Db, digest_sweep};

/// How soon a job is found whose time has come, or that another instance has put.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often it is counted what there is.
const COUNT_EVERY: Duration = Duration::from_secs(15);
/// What was begun when the instance drains may take so long; then it is given back.
const DRAIN: Duration = Duration::from_secs(5);

/// Of those that look for what one person has not read: they are in no hurry, and each is some statements.
const DIGESTS_AT_ONCE: usize = 2;

/// What jobs are done with.
pub struct Shop {
    pub db: Db,
    pub writer: Writer,
    pub live: Arc<Live>,
    pub config: Config,
    /// None where e-mail is off.
    pub mailer: Option<Mailer>,
}

impl Shop {
    /// After how long people are told of unread messages; none where they are not.
    fn tells_after(&self) -> Option<TimeDelta> {
        self.mailer.as_ref()?;
        self.config.mail.digest_after()
    }
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
    let longest = shop.mailer.as_ref().map_or(Duration::ZERO, Mailer::longest);
    let email_lease = lease.max(longest.div_f64(work::OF_THE_LEASE) + Duration::from_secs(1));
    let (over, is_over) = watch::channel(false);
    let mut search = Search::default();
    let (mut emails, mut digests, mut others) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    while !shop.live.is_draining() && settings.at_once > 0 {
        while emails.try_join_next().is_some() {}
        while digests.try_join_next().is_some() {}
        while others.try_join_next().is_some() {}
        let places = Places {
            emails: (settings.at_once - emails.len()) as i64,
            email_lease,
            digests: (DIGESTS_AT_ONCE - digests.len()) as i64,
            others: (settings.at_once - others.len()) as i64,
            lease,
        };
        for job in search.look(&shop, places).await {
            let (doing, lease) = match job.kind {
                JobKind::Email => (&mut emails, places.email_lease),
                JobKind::Digest => (&mut digests, places.lease),
                _ => (&mut others, places.lease),
            };
            doing.spawn(work::work(shop.clone(), job, lease, is_over.clone()));
        }
        if is_time(&mut search.counted, COUNT_EVERY) {
            search.count().await;
        }
        tokio::select! {
            () = bell.0.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(_) = emails.join_next() => {}
            Some(_) = digests.join_next() => {}
            Some(_) = others.join_next() => {}
        }
    }
    let all = async {
        for doing in [&mut others, &mut digests, &mut emails] {
            while doing.join_next().await.is_some() {}
        }
    };
    if tokio::time::timeout(DRAIN, all).await.is_err() {
        over.send_replace(true);
        for mut doing in [others, digests, emails] {
            while doing.join_next().await.is_some() {}
        }
    }
}

/// Looks for what is due, on a connection of its own.
#[derive(Default)]
struct Search {
    connection: Option<PgConnection>,
    looked: Option<Instant>,
    counted: Option<Instant>,
    is_failing: bool,
    /// What is always to be done is there.
    is_begun: bool,
}

impl Search {
    /// As many jobs as there are places, to be done now. A database that does not answer is said once, until it does again.
    async fn look(&mut self, shop: &Shop, places: Places) -> Vec<Taken> {
        match self.try_look(shop, places).await {
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

    async fn try_look(&mut self, shop: &Shop, places: Places) -> Result<Vec<Taken>> {
        // Taken out, so that an error leaves no half-used connection behind.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => jobs::connect(shop.db.pool()).await?,
        };
        if is_time(&mut self.looked, LOOK_EVERY) {
            take_back(&mut connection).await?;
        }
        if !self.is_begun && shop.tells_after().is_some() {
            digest_sweep::begin(&mut connection, Utc::now()).await?;
        }
        self.is_begun = true;
        let taken = match places.emails + places.digests + places.others {
            0 => Vec::new(),
            _ => jobs::take(&mut connection, places).await?,
        };
        self.connection = Some(connection);
        Ok(taken)
    }

    /// After what is due was begun: there may be very much to count.
    async fn count(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        match count(&mut connection).await {
            Ok(()) => self.connection = Some(connection),
            Err(error) => tracing::warn!(%error, "how many jobs there are is not known"),
        }
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
        JobKind::Email => email::send(shop, job, Utc::now()).await,
        JobKind::Reminder => reminder::fire(shop, job).await,
        JobKind::Message => message::send(shop, job).await,
        JobKind::Digest => digest::perform(shop, job).await,
        JobKind::UnreadSweep => sweep::go_on(shop, job).await,
    }
}
