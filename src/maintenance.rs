//! What is done now and then, by every instance: forgetting old events, texts and tickets,
//! counting conversations.

use std::time::Duration;

use sqlx::PgPool;

use crate::error::Result;
use crate::store::{bounded, conversations, handouts, log, revisions, tickets};

const EVERY: Duration = Duration::from_secs(60);

/// Runs for as long as the process lives. Several instances may do it at once: each step is safe beside itself.
pub async fn run(pool: PgPool, retention_days: i32) {
    loop {
        if let Err(error) = bounded(round(&pool, retention_days)).await {
            tracing::warn!(%error, "maintenance is tried again in a minute");
        }
        // Not all instances in the same second.
        tokio::time::sleep(EVERY.mul_f64(rand::random_range(0.8..1.2))).await;
    }
}

async fn round(pool: &PgPool, retention_days: i32) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let pruned = log::prune(&mut connection, retention_days).await?;
    metrics::counter!("causerie_events_pruned_total").increment(pruned);
    tickets::prune(&mut connection).await?;
    revisions::prune(&mut connection).await?;
    handouts::prune(&mut connection, retention_days).await?;
    for (state, count) in conversations::count_by_state(&mut connection).await? {
        metrics::gauge!("causerie_conversations", "state" => state).set(count as f64);
    }
    Ok(())
}
