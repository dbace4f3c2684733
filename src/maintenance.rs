//! What is done now and then, by every instance: forgetting old events, texts, jobs and
//! tickets, counting conversations.

use std::time::Duration;

use sqlx::PgPool;

use crate::config::Config;
use crate::error::Result;
use crate::store::{bounded, conversations, handouts, jobs, log, revisions, revocations, tickets};

const EVERY: Duration = Duration::from_secs(60);

/// What goes in one statement, at most.
const CHUNK: u64 = 5_000;

/// Runs for as long as the process lives. Several instances may do it at once: each step is safe beside itself.
pub async fn run(pool: PgPool, config: Config) {
    loop {
        if let Err(error) = round(&pool, &config).await {
            tracing::warn!(%error, "maintenance is tried again in a minute");
        }
        // Not all instances in the same second.
        tokio::time::sleep(EVERY.mul_f64(rand::random_range(0.8..1.2))).await;
    }
}

/// What grows with use.
enum Old {
    Events,
    Handouts,
    Revisions,
    Jobs,
}

async fn round(pool: &PgPool, config: &Config) -> Result<()> {
    let days = config.retention_days;
    let events = forget(pool, Old::Events, days).await?;
    metrics::counter!("causerie_events_pruned_total").increment(events);
    forget(pool, Old::Handouts, days).await?;
    forget(pool, Old::Revisions, days).await?;
    forget(pool, Old::Jobs, config.jobs.kept_days).await?;
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
async fn forget(pool: &PgPool, old: Old, days: i32) -> Result<u64> {
    let mut all = 0;
    loop {
        let some = async {
            let mut connection = pool.acquire().await?;
            match old {
                Old::Events => log::prune(&mut connection, days).await,
                Old::Handouts => handouts::prune(&mut connection, days).await,
                Old::Revisions => revisions::prune(&mut connection).await,
                Old::Jobs => jobs::prune(&mut connection, days).await,
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
