//! Does the jobs whose time has come, a few at a time. Whichever instance takes one does it; when that is killed, another
//! takes it over once the lease has ended. So a job may be begun twice: what it does, it must do once by a key of its own.

mod email;
mod notification;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::config::Config;
use crate::error::Result;
use crate::live::Live;
use crate::mail::Mailer;
use crate::model::JobKind;
use crate::store::Db;
use crate::store::jobs::{self, Ending, Taken};
use crate::store::writer::Writer;

/// How soon a job is found whose time has come, or that another instance has put.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Jobs that one instance does at once.
const AT_ONCE: usize = 8;
/// After this a job is another instance's to do.
const LEASE: Duration = Duration::from_secs(30);

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

/// Runs until the instance drains, and then ends what it has begun.
pub async fn run(shop: Arc<Shop>, bell: Arc<Bell>) {
    let me = Uuid::new_v4();
    let mut doing = JoinSet::new();
    while !shop.live.is_draining() {
        while doing.try_join_next().is_some() {}
        let free = AT_ONCE - doing.len();
        let taken = match look(&shop, me, free).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(%error, "which jobs are due is not known; trying again");
                Vec::new()
            }
        };
        let is_all = taken.len() < free;
        for job in taken {
            doing.spawn(work(shop.clone(), job));
        }
        tokio::select! {
            () = bell.0.notified(), if is_all => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(_) = doing.join_next() => {}
        }
    }
    while doing.join_next().await.is_some() {}
}

async fn look(shop: &Shop, me: Uuid, free: usize) -> Result<Vec<Taken>> {
    jobs::take_back(shop.db.pool()).await?;
    jobs::take(shop.db.pool(), me, LEASE, free as i64).await
}

async fn work(shop: Arc<Shop>, job: Taken) {
    // Ended before the lease does: nobody else has begun it.
    let limit = LEASE.mul_f64(0.8);
    let ending = match tokio::time::timeout(limit, perform(&shop, &job)).await {
        Ok(ending) => ending,
        Err(_) => Ending::Again(pause(job.attempts), "it took too long".to_owned()),
    };
    if let Err(error) = jobs::end(shop.db.pool(), &job, &ending).await {
        tracing::warn!(%error, job.id = %job.id, "a job's end is not noted: it is done again when its lease has ended");
    }
}

/// The work itself, kind by kind.
async fn perform(shop: &Shop, job: &Taken) -> Ending {
    match job.kind {
        JobKind::Notification => notification::show(shop, job).await,
        JobKind::Email => email::send(shop, job).await,
        JobKind::Message => Ending::Dead("nothing does this kind".to_owned()),
    }
}

/// Before the next attempt: 2 s, 4 s, 8 s … up to an hour, give or take a half, so that what failed together is not tried
/// together.
fn pause(attempts: i32) -> Duration {
    let seconds = 2f64.powi(attempts.clamp(1, 12)).min(3_600.0);
    Duration::from_secs_f64(seconds * rand::random_range(0.5..1.5))
}
