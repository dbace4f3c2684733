//! What is done now and then, by every instance: forgetting old events, texts, jobs and
//! tickets, counting conversations.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use sqlx::PgPool;

use crate::config::Config;
use crate::error::{Code, Result};
use crate::store::batch::{Op, Outcome};
use crate::store::notified::{Mark, What};
use crate::store::writer::Writer;
use crate::store::{
    bounded, conversations, digests, handouts, jobs, log, notifications, reminders, revisions,
    revocations, tickets,
};

const EVERY: Duration = Duration::from_secs(60);

/// Days for which the host may repeat a request by its `Idempotency-Key`, and see a reminder that is finished.
const KEY_DAYS: i32 = 30;

/// Days after which an e-mail about unread messages makes the next one wait no longer.
const DIGEST_DAYS: i32 = 30;

/// What goes in one statement, at most.
const CHUNK: u64 = 5_000;

/// Runs for as long as the process lives. Several instances may do it at once: each step is safe beside itself.
pub async fn run(pool: PgPool, writer: Writer, config: Config) {
    loop {
        let round = async {
            round(&pool, &config).await?;
            read_the_old(&pool, &writer, config.notification_days).await
        };
        if let Err(error) = round.await {
            tracing::warn!(%error, "maintenance is tried again in a minute");
        }
        // Not all instances in the same second.
        tokio::time::sleep(EVERY.mul_f64(rand::random_range(0.8..1.2))).await;
    }
}

/// What grows with use.
#[derive(Clone, Copy)]
enum Old {
    Events,
    Handouts,
    Revisions,
    Notifications,
    Keys,
    Reminders,
    Jobs,
    Digests,
}

/// Notifications that nobody has read in all that time count as read from now on, on every device. They go when the log has
/// forgotten that.
async fn read_the_old(pool: &PgPool, writer: &Writer, days: i32) -> Result<()> {
    let before = Utc::now() - TimeDelta::days(days.into());
    loop {
        let look =
            async { notifications::not_read_since(&mut *pool.acquire().await?, before).await };
        let mut changed = 0;
        for by in bounded(look).await? {
            let mark = Mark {
                by,
                by_service: true,
                what: What::Expired(before),
            };
            let outcome = match writer.write(Op::Mark(mark)).await {
                // Being erased: it goes with them.
                Err(error) if error.code == Code::TokenInvalid => continue,
                outcome => outcome?,
            };
            changed += matches!(outcome, Outcome::Marked(some) if some > 0) as usize;
        }
        if changed == 0 {
            return Ok(());
        }
    }
}

async fn round(pool: &PgPool, config: &Config) -> Result<()> {
    let events = forget(pool, Old::Events, config).await?;
    metrics::counter!("causerie_events_pruned_total").increment(events);
    for old in [
        Old::Handouts,
        Old::Revisions,
        Old::Keys,
        Old::Reminders,
        Old::Notifications,
        Old::Jobs,
        Old::Digests,
    ] {
        forget(pool, old, config).await?;
    }
    let mut connection = bounded(async { Ok(pool.acquire().await?) }).await?;
    bounded(tickets::prune(&mut connection)).await?;
    bounded(revocations::prune(&mut connection)).await?;
    let counts = bounded(conversations::count_by_state(&mut connection)).await?;
    for (state, count) in counts {
        metrics::gauge!("causerie_conversations", "state" => state).set(count as f64);
    }
    Ok(())
}

/// Until there is nothing more to forget, with a pause: other people's statements go between.
async fn forget(pool: &PgPool, old: Old, config: &Config) -> Result<u64> {
    let mut all = 0;
    let days = config.retention_days;
    let before = |days: i32| Utc::now() - TimeDelta::days(days.into());
    loop {
        let some = async {
            let mut connection = pool.acquire().await?;
            match old {
                Old::Events => log::prune(&mut connection, days).await,
                Old::Handouts => handouts::prune(&mut connection, days).await,
                Old::Revisions => revisions::prune(&mut connection).await,
                Old::Notifications => {
                    let shown_before = before(config.notification_days);
                    notifications::prune(&mut connection, shown_before, days).await
                }
                Old::Keys => notifications::prune_keys(&mut connection, before(KEY_DAYS)).await,
                Old::Digests => digests::prune(&mut connection, before(DIGEST_DAYS)).await,
                Old::Reminders => reminders::prune(&mut connection, before(KEY_DAYS)).await,
                Old::Jobs => jobs::prune(&mut connection, config.jobs.kept_days).await,
            }
        };
        let gone = bounded(some).await?;
        all += gone;
        if gone < CHUNK {
            return Ok(all);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
