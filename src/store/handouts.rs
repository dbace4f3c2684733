//! What was handed to whose devices, and by which transport. Collected for a second and written beside the log, not into
//! it: under load it is the first to be left out.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use tokio::sync::mpsc;

use super::{bounded, query};
use crate::error::Result;
use crate::model::{Position, Transport, UserKey};

/// A stretch of one person's feed.
#[derive(Debug, Clone)]
pub struct Handout {
    pub to: UserKey,
    pub transport: Transport,
    /// Events above this.
    pub after: Position,
    pub up_to: Position,
}

/// Where routes leave what they have handed out.
#[derive(Clone)]
pub struct Handouts {
    queue: mpsc::Sender<(Handout, DateTime<Utc>)>,
}

/// What waits to be written, at most.
const WAITING: usize = 5_000;
/// Rows of one statement.
const CHUNK: usize = 1_000;
const EVERY: Duration = Duration::from_secs(1);

type Waiting = HashMap<(UserKey, Transport), Vec<(Position, Position, DateTime<Utc>)>>;

impl Handouts {
    pub fn start(pool: PgPool) -> Self {
        let (queue, noted) = mpsc::channel(8_192);
        tokio::spawn(run(pool, noted));
        Self { queue }
    }

    pub fn note(&self, handout: Handout) {
        if self.queue.try_send((handout, Utc::now())).is_err() {
            metrics::counter!("causerie_handouts_dropped_total").increment(1);
        }
    }
}

async fn run(pool: PgPool, mut noted: mpsc::Receiver<(Handout, DateTime<Utc>)>) {
    let mut waiting = Waiting::new();
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            one = noted.recv() => match one {
                Some((handout, at)) => collect(&mut waiting, handout, at),
                None => return,
            },
            _ = tick.tick() => if !waiting.is_empty() {
                flush(&pool, std::mem::take(&mut waiting)).await;
            },
        }
    }
}

/// Stretches that touch are one.
fn collect(waiting: &mut Waiting, handout: Handout, at: DateTime<Utc>) {
    if waiting.len() >= WAITING {
        metrics::counter!("causerie_handouts_dropped_total").increment(1);
        return;
    }
    let key = (handout.to, handout.transport);
    let stretches = waiting.entry(key).or_default();
    match stretches.last_mut() {
        Some((after, up_to, last)) if *after <= handout.after && handout.after <= *up_to => {
            *up_to = handout.up_to.max(*up_to);
            *last = at;
        }
        _ => stretches.push((handout.after, handout.up_to, at)),
    }
}

async fn flush(pool: &PgPool, waiting: Waiting) {
    let rows: Vec<_> = waiting
        .into_iter()
        .flat_map(|(key, stretches)| {
            stretches
                .into_iter()
                .map(move |stretch| (key.clone(), stretch))
        })
        .collect();
    for some in rows.chunks(CHUNK) {
        let write = async { write(&mut *pool.acquire().await?, some).await };
        if let Err(error) = bounded(write).await {
            tracing::warn!(%error, rows = some.len(), "a trace of what was handed out is lost");
            metrics::counter!("causerie_handouts_dropped_total").increment(some.len() as u64);
        }
    }
}

type Row = ((UserKey, Transport), (Position, Position, DateTime<Utc>));

async fn write(connection: &mut PgConnection, rows: &[Row]) -> Result<()> {
    query("handouts.write", "
        insert into handouts (tenant_id, user_id, transport, after, up_to, at)
        select * from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::timestamptz[])
        on conflict do nothing")
        .bind(rows.iter().map(|((to, _), _)| to.tenant.to_string()).collect::<Vec<_>>())
        .bind(rows.iter().map(|((to, _), _)| to.id.to_string()).collect::<Vec<_>>())
        .bind(rows.iter().map(|((_, transport), _)| transport.as_str()).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (after, ..))| *after).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (_, up_to, _))| *up_to).collect::<Vec<_>>())
        .bind(rows.iter().map(|(_, (.., at))| *at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Forgets what is older than `days`, at most 5,000 at a time.
pub async fn prune(connection: &mut PgConnection, days: i32) -> Result<u64> {
    let done = query("handouts.prune", "
        delete from handouts where ctid in (
            select ctid from handouts where at < now() - make_interval(days => $1) order by at limit 5000)")
        .bind(days)
        .execute(connection)
        .await?;
    Ok(done.rows_affected())
}
