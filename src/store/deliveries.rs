//! What has reached a device: horizons that cursors prove, of PRIVATE conversations only. They are collected for a second
//! and written together: a receipt is no reason to hold up a poll.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::batch::{Op, Outcome};
use super::log::LogTransaction;
use super::receipts::{APART, wait_after};
use super::writer::Writer;
use super::{query, query_as};
use crate::error::Result;
use crate::model::{EventKind, UserKey};

/// "Everything up to here has reached a device of mine", of several people and conversations.
#[derive(Debug, Clone)]
pub struct Deliver {
    pub horizons: Vec<Horizon>,
}

#[derive(Debug, Clone)]
pub struct Horizon {
    pub by: UserKey,
    pub conversation: Uuid,
    /// The `seq` of another's message.
    pub up_to: i64,
}

/// Where routes leave what cursors have proven.
#[derive(Clone)]
pub struct Deliveries {
    queue: mpsc::Sender<Vec<Horizon>>,
}

/// Horizons of one item of the writer.
const PER_ITEM: usize = 100;
/// What waits to be written, at most: beyond it a receipt is late, and told by the next one.
const WAITING: usize = 20_000;

impl Deliveries {
    pub fn start(writer: Writer) -> Self {
        let (queue, noted) = mpsc::channel(1024);
        tokio::spawn(run(writer, noted));
        Self { queue }
    }

    pub fn note(&self, horizons: Vec<Horizon>) {
        if self.queue.try_send(horizons).is_err() {
            metrics::counter!("causerie_deliveries_dropped_total").increment(1);
        }
    }
}

/// Collects, and writes once a second what has moved.
async fn run(writer: Writer, mut noted: mpsc::Receiver<Vec<Horizon>>) {
    let mut waiting: HashMap<(UserKey, Uuid), i64> = HashMap::new();
    let mut tick = tokio::time::interval(APART);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            horizons = noted.recv() => match horizons {
                Some(horizons) => collect(&mut waiting, horizons),
                None => return,
            },
            _ = tick.tick() => {
                let all: Vec<Horizon> = waiting
                    .drain()
                    .map(|((by, conversation), up_to)| Horizon { by, conversation, up_to })
                    .collect();
                for some in all.chunks(PER_ITEM) {
                    collect(&mut waiting, flush(&writer, some.to_vec()).await);
                }
            }
        }
    }
}

fn collect(waiting: &mut HashMap<(UserKey, Uuid), i64>, horizons: Vec<Horizon>) {
    for horizon in horizons {
        if waiting.len() < WAITING {
            let up_to = waiting
                .entry((horizon.by, horizon.conversation))
                .or_default();
            *up_to = horizon.up_to.max(*up_to);
        }
    }
}

/// Gives what has to be said again: what came too early after the last one, or was not stored.
async fn flush(writer: &Writer, horizons: Vec<Horizon>) -> Vec<Horizon> {
    let deliver = Deliver {
        horizons: horizons.clone(),
    };
    match writer.write(Op::Deliver(deliver)).await {
        // Those that were written are found to be so, and write nothing.
        Ok(Outcome::Delivered(true)) => horizons,
        Ok(_) => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "receipts of delivery are tried again");
            horizons
        }
    }
}

#[derive(sqlx::FromRow)]
struct Standing {
    /// The person who is told; null where nobody is.
    other_id: Option<String>,
    delivered_up_to: Option<i64>,
    delivered_at: Option<DateTime<Utc>>,
}

const STANDING: &str = "
    select o.user_id as other_id, greatest(m.delivered_up_to, m.shown_up_to) as delivered_up_to, m.delivered_at
      from unnest($1::text[], $2::uuid[], $3::text[]) with ordinality as g (tenant_id, conversation_id, user_id, n)
      left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id and c.type = 'PRIVATE'
      left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = g.user_id and m.left_position is null
      left join users u on u.tenant_id = m.tenant_id and u.id = m.user_id and not u.receipts_off
      left join members o on o.tenant_id = u.tenant_id and o.conversation_id = c.id and o.user_id <> u.id and o.left_position is null
     order by g.n";

/// Moves what is known to have arrived. Gives whether something came too early after the last of its kind.
pub async fn deliver_all(
    log: &mut LogTransaction<'_>,
    items: &[&Deliver],
) -> Result<Vec<Result<bool>>> {
    let all: Vec<&Horizon> = items.iter().flat_map(|item| &item.horizons).collect();
    let standings: Vec<Standing> = query_as("deliveries.standing", STANDING)
        .bind(
            all.iter()
                .map(|h| h.by.tenant.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(all.iter().map(|h| h.conversation).collect::<Vec<_>>())
        .bind(all.iter().map(|h| h.by.id.to_string()).collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?;
    let mut moved: HashMap<(&UserKey, Uuid), (i64, String)> = HashMap::new();
    let mut early: HashSet<(&UserKey, Uuid)> = HashSet::new();
    for (horizon, standing) in all.iter().zip(standings) {
        let (Some(other), Some(known)) = (standing.other_id, standing.delivered_up_to) else {
            continue;
        };
        if horizon.up_to <= known {
            continue;
        }
        let key = (&horizon.by, horizon.conversation);
        if wait_after(standing.delivered_at, log.now).is_some() {
            early.insert(key);
            continue;
        }
        let (up_to, _) = moved.entry(key).or_insert((horizon.up_to, other));
        *up_to = horizon.up_to.max(*up_to);
    }
    if !moved.is_empty() {
        for ((by, conversation), (up_to, other)) in &moved {
            log.append(EventKind::ReceiptDelivered, &by.tenant, |row| {
                row.conversation_id = Some(*conversation);
                row.actor_id = Some(by.id.to_string());
                row.audience_user_id = Some(other.clone());
                row.seq = Some(*up_to);
            });
        }
        write(log, &moved).await?;
    }
    let answer = |item: &&Deliver| {
        let mut horizons = item.horizons.iter();
        Ok(horizons.any(|h| early.contains(&(&h.by, h.conversation))))
    };
    Ok(items.iter().map(answer).collect())
}

async fn write(
    log: &mut LogTransaction<'_>,
    moved: &HashMap<(&UserKey, Uuid), (i64, String)>,
) -> Result<()> {
    query("deliveries.write", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[]) as g (tenant_id, conversation_id, user_id, up_to)
        ), marked as (
            insert into receipt_marks (tenant_id, conversation_id, user_id, status, up_to, at)
            select tenant_id, conversation_id, user_id, 'DELIVERED', up_to, $5 from g on conflict do nothing
        )
        update members m set delivered_up_to = g.up_to, delivered_at = $5
          from g
         where m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id and m.user_id = g.user_id and m.left_position is null")
        .bind(moved.keys().map(|(by, _)| by.tenant.to_string()).collect::<Vec<_>>())
        .bind(moved.keys().map(|(_, conversation)| *conversation).collect::<Vec<_>>())
        .bind(moved.keys().map(|(by, _)| by.id.to_string()).collect::<Vec<_>>())
        .bind(moved.values().map(|(up_to, _)| *up_to).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
