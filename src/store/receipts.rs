//! How far each member has received and read: horizons, which only move forward, and what others are told of them.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::log::LogTransaction;
use super::{query, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{EventKind, FieldCode, Receipt, Time, UserKey};

/// "I have read everything up to here."
#[derive(Debug, Clone)]
pub struct Read {
    pub by: UserKey,
    pub conversation: Uuid,
    /// A message's `seq`; none = the newest.
    pub up_to: Option<i64>,
    /// Whether others may be told: a setting of the tenant.
    pub is_told: bool,
}

/// Where the horizon stands, or how long to wait: a member's receipts of one conversation are a second apart.
#[derive(Debug, Clone)]
pub enum Moved {
    To(Receipt),
    In(Duration),
}

/// Receipts of one member and conversation are at least this far apart.
pub(super) const APART: Duration = Duration::from_secs(1);
/// In groups above this size a receipt goes to the reader's own devices only.
pub const PUBLIC_RECEIPTS: i64 = 20;

#[derive(sqlx::FromRow)]
struct Standing {
    last_seq: Option<i64>,
    read_up_to: Option<i64>,
    read_at: Option<DateTime<Utc>>,
    receipt_at: Option<DateTime<Utc>>,
    receipts_off: Option<bool>,
    member_count: i64,
}

const STANDING: &str = "
    select case when m.user_id is not null then c.last_seq end as last_seq, m.read_up_to, m.read_at, m.receipt_at, u.receipts_off,
           (select count(*) from (select 1 from members o where o.tenant_id = g.tenant_id and o.conversation_id = g.conversation_id
                                     and o.left_position is null limit 21) o) as member_count
      from unnest($1::text[], $2::uuid[], $3::text[]) with ordinality as g (tenant_id, conversation_id, user_id, n)
      left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id
      left join members m on m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id
                         and m.user_id = g.user_id and m.left_position is null
      left join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
     order by g.n";

/// A horizon that moves in this batch.
struct Move {
    up_to: i64,
    /// To everybody; else to one's own devices.
    is_shown: bool,
    /// Kept, for whoever asks when a message was read.
    is_kept: bool,
    position: i64,
}

/// Moves horizons forward. One that does not move writes nothing, and several of one member are one step.
pub async fn read_all(log: &mut LogTransaction<'_>, reads: &[&Read]) -> Result<Vec<Result<Moved>>> {
    let standings = standings(log, reads).await?;
    let mut moves: HashMap<(&UserKey, Uuid), Move> = HashMap::new();
    let mut verdicts = Vec::with_capacity(reads.len());
    for (read, standing) in reads.iter().zip(&standings) {
        let verdict = judge(read, standing, log.now);
        if let Ok(Step::To(up_to)) = verdict {
            let is_kept = read.is_told && standing.receipts_off != Some(true);
            #[cfg(feature = "planted-faults")]
            let is_kept =
                is_kept || crate::faults::is_planted(crate::faults::Fault::ReceiptsThoughOff);
            let key = (&read.by, read.conversation);
            let step = moves.entry(key).or_insert(Move {
                up_to,
                is_shown: is_kept && standing.member_count <= PUBLIC_RECEIPTS,
                is_kept,
                position: 0,
            });
            step.up_to = step.up_to.max(up_to);
        }
        verdicts.push(verdict);
    }
    if !moves.is_empty() {
        append(log, &mut moves);
        write(log, &moves).await?;
    }
    let now = log.now;
    let answers = reads.iter().zip(standings).zip(verdicts);
    let answer = |((read, standing), verdict): ((&&Read, Standing), Result<Step>)| {
        if let Step::In(wait) = verdict? {
            return Ok(Moved::In(wait));
        }
        let step = moves.get(&(&read.by, read.conversation));
        let (read_up_to, read_at) = match step {
            Some(step) => (step.up_to, Some(now)),
            None => (standing.read_up_to.unwrap_or(0), standing.read_at.map(Time)),
        };
        Ok(Moved::To(Receipt {
            conversation_id: read.conversation,
            user_id: read.by.id.to_string(),
            read_up_to,
            read_at,
        }))
    };
    Ok(answers.map(answer).collect())
}

async fn standings(log: &mut LogTransaction<'_>, reads: &[&Read]) -> Result<Vec<Standing>> {
    let tenants = reads.iter().map(|read| read.by.tenant.to_string());
    let ids = reads.iter().map(|read| read.by.id.to_string());
    let conversations = reads.iter().map(|read| read.conversation);
    Ok(query_as("receipts.standing", STANDING)
        .bind(tenants.collect::<Vec<_>>())
        .bind(conversations.collect::<Vec<_>>())
        .bind(ids.collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?)
}

fn append(log: &mut LogTransaction<'_>, moves: &mut HashMap<(&UserKey, Uuid), Move>) {
    for ((by, conversation), step) in moves {
        step.position = log.append(EventKind::ReceiptRead, &by.tenant, |row| {
            row.conversation_id = Some(*conversation);
            row.actor_id = Some(by.id.to_string());
            row.seq = Some(step.up_to);
            row.audience_user_id = (!step.is_shown).then(|| by.id.to_string());
        });
    }
}

enum Step {
    None,
    To(i64),
    In(Duration),
}

fn judge(read: &Read, standing: &Standing, now: Time) -> Result<Step> {
    let last_seq = standing.last_seq.ok_or(Code::NotFound)?;
    let up_to = read.up_to.unwrap_or(last_seq);
    if up_to > last_seq {
        return Err(Error::field("/upTo", FieldCode::OutOfRange));
    }
    if up_to <= standing.read_up_to.unwrap_or(0) {
        return Ok(Step::None);
    }
    Ok(wait_after(standing.receipt_at, now).map_or(Step::To(up_to), Step::In))
}

/// How long the next receipt has to wait after one of this moment. A clock that was set back must not hold anybody up:
/// less than a second, or not at all.
pub(super) fn wait_after(last: Option<DateTime<Utc>>, now: Time) -> Option<Duration> {
    let since = (now.0 - last?).to_std().ok()?;
    APART.checked_sub(since).filter(|wait| !wait.is_zero())
}

async fn write(
    log: &mut LogTransaction<'_>,
    moves: &HashMap<(&UserKey, Uuid), Move>,
) -> Result<()> {
    query("receipts.read", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[], $6::boolean[], $8::boolean[])
                as g (tenant_id, conversation_id, user_id, up_to, position, is_shown, is_kept)
        ), touched as (
            update conversations c set last_position = t.position
              from (select tenant_id, conversation_id, max(position) as position from g where is_shown group by 1, 2) t
             where c.tenant_id = t.tenant_id and c.id = t.conversation_id
        ), marked as (
            insert into receipt_marks (tenant_id, conversation_id, user_id, status, up_to, at)
            select tenant_id, conversation_id, user_id, 'READ', up_to, $7 from g where is_kept on conflict do nothing
        )
        update members m
           set read_up_to = g.up_to, read_at = $7, receipt_at = $7,
               shown_up_to = case when g.is_shown then g.up_to else m.shown_up_to end,
               shown_at = case when g.is_shown then $7 else m.shown_at end
          from g
         where m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id and m.user_id = g.user_id and m.left_position is null")
        .bind(moves.keys().map(|(by, _)| by.tenant.to_string()).collect::<Vec<_>>())
        .bind(moves.keys().map(|(_, conversation)| *conversation).collect::<Vec<_>>())
        .bind(moves.keys().map(|(by, _)| by.id.to_string()).collect::<Vec<_>>())
        .bind(moves.values().map(|step| step.up_to).collect::<Vec<_>>())
        .bind(moves.values().map(|step| step.position).collect::<Vec<_>>())
        .bind(moves.values().map(|step| step.is_shown).collect::<Vec<_>>())
        .bind(log.now.0)
        .bind(moves.values().map(|step| step.is_kept).collect::<Vec<_>>())
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
