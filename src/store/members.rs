//! A member's own side of a conversation: how far it has read, and deleting for oneself.

use std::collections::HashMap;

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
}

/// In groups above this size a receipt goes to the reader's own devices only.
const PUBLIC_RECEIPTS: i64 = 20;

#[derive(sqlx::FromRow)]
struct Standing {
    last_seq: Option<i64>,
    read_up_to: Option<i64>,
    read_at: Option<chrono::DateTime<chrono::Utc>>,
    member_count: i64,
    is_group: bool,
}

/// Where each of these members stands; `last_seq` null for whoever is no member.
async fn standings(
    log: &mut LogTransaction<'_>,
    asked: &[(&UserKey, Uuid)],
) -> Result<Vec<Standing>> {
    let rows = query_as("members.standing", "
        select case when m.user_id is not null then c.last_seq end as last_seq, m.read_up_to, m.read_at,
               (select count(*) from (select 1 from members o where o.tenant_id = g.tenant_id and o.conversation_id = g.conversation_id
                                         and o.left_position is null limit 21) o) as member_count,
               coalesce(c.type = 'GROUP', false) as is_group
          from unnest($1::text[], $2::uuid[], $3::text[]) with ordinality as g (tenant_id, conversation_id, user_id, n)
          left join conversations c on c.tenant_id = g.tenant_id and c.id = g.conversation_id
          left join members m on m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id
                             and m.user_id = g.user_id and m.left_position is null
         order by g.n")
        .bind(asked.iter().map(|(by, _)| by.tenant.to_string()).collect::<Vec<_>>())
        .bind(asked.iter().map(|(_, conversation)| *conversation).collect::<Vec<_>>())
        .bind(asked.iter().map(|(by, _)| by.id.to_string()).collect::<Vec<_>>())
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows)
}

/// Moves horizons forward. One that does not move writes nothing.
pub async fn read_all(
    log: &mut LogTransaction<'_>,
    reads: &[&Read],
) -> Result<Vec<Result<Receipt>>> {
    let asked: Vec<_> = reads
        .iter()
        .map(|read| (&read.by, read.conversation))
        .collect();
    let standings = standings(log, &asked).await?;
    let mut moved: HashMap<(&UserKey, Uuid), (i64, i64)> = HashMap::new();
    let mut answers = Vec::with_capacity(reads.len());
    for (read, standing) in reads.iter().zip(standings) {
        let Some(last_seq) = standing.last_seq else {
            answers.push(Err(Code::NotFound.into()));
            continue;
        };
        let up_to = read.up_to.unwrap_or(last_seq);
        if up_to > last_seq {
            answers.push(Err(Error::field("/upTo", FieldCode::OutOfRange)));
            continue;
        }
        let mut receipt = Receipt {
            conversation_id: read.conversation,
            user_id: read.by.id.to_string(),
            read_up_to: standing.read_up_to.unwrap_or(0),
            read_at: standing.read_at.map(Time),
        };
        if let Some((earlier, _)) = moved.get(&(&read.by, read.conversation)) {
            (receipt.read_up_to, receipt.read_at) = (*earlier, Some(log.now));
        }
        if up_to > receipt.read_up_to {
            (receipt.read_up_to, receipt.read_at) = (up_to, Some(log.now));
            let position = log.append(EventKind::ReceiptRead, &read.by.tenant, |row| {
                row.conversation_id = Some(read.conversation);
                row.actor_id = Some(read.by.id.to_string());
                row.seq = Some(up_to);
                row.audience_user_id =
                    (standing.member_count > PUBLIC_RECEIPTS).then(|| read.by.id.to_string());
            });
            moved.insert((&read.by, read.conversation), (up_to, position));
        }
        answers.push(Ok(receipt));
    }
    if !moved.is_empty() {
        write_horizons(log, &moved).await?;
    }
    Ok(answers)
}

async fn write_horizons(
    log: &mut LogTransaction<'_>,
    moved: &HashMap<(&UserKey, Uuid), (i64, i64)>,
) -> Result<()> {
    query("members.read", "
        with g as materialized (
            select * from unnest($1::text[], $2::uuid[], $3::text[], $4::bigint[], $5::bigint[]) as g (tenant_id, conversation_id, user_id, up_to, position)
        ), touched as (
            update conversations c set last_position = t.position
              from (select tenant_id, conversation_id, max(position) as position from g group by 1, 2) t
             where c.tenant_id = t.tenant_id and c.id = t.conversation_id
        )
        update members m set read_up_to = g.up_to, read_at = $6
          from g
         where m.tenant_id = g.tenant_id and m.conversation_id = g.conversation_id and m.user_id = g.user_id and m.left_position is null")
        .bind(moved.keys().map(|(by, _)| by.tenant.to_string()).collect::<Vec<_>>())
        .bind(moved.keys().map(|(_, conversation)| *conversation).collect::<Vec<_>>())
        .bind(moved.keys().map(|(by, _)| by.id.to_string()).collect::<Vec<_>>())
        .bind(moved.values().map(|(up_to, _)| *up_to).collect::<Vec<_>>())
        .bind(moved.values().map(|(_, position)| *position).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

/// "Delete this conversation for me": hidden until a newer message comes.
#[derive(Debug, Clone)]
pub struct Hide {
    pub by: UserKey,
    pub conversation: Uuid,
}

/// Hides PRIVATE conversations from their own member, and tells that member's other devices.
pub async fn hide_all(log: &mut LogTransaction<'_>, hides: &[&Hide]) -> Result<Vec<Result<()>>> {
    let asked: Vec<_> = hides
        .iter()
        .map(|hide| (&hide.by, hide.conversation))
        .collect();
    let standings = standings(log, &asked).await?;
    let mut answers = Vec::with_capacity(hides.len());
    for (hide, standing) in hides.iter().zip(standings) {
        let Some(last_seq) = standing.last_seq else {
            answers.push(Err(Code::NotFound.into()));
            continue;
        };
        if standing.is_group {
            answers.push(Err(Code::Forbidden.into()));
            continue;
        }
        log.append(EventKind::ConversationDeleted, &hide.by.tenant, |row| {
            row.conversation_id = Some(hide.conversation);
            row.actor_id = Some(hide.by.id.to_string());
            row.audience_user_id = Some(hide.by.id.to_string());
            row.seq = Some(last_seq);
        });
        query("members.hide", "
            update members set deleted_up_to = $4
             where tenant_id = $1 and conversation_id = $2 and user_id = $3 and left_position is null")
            .bind(hide.by.tenant.to_string())
            .bind(hide.conversation)
            .bind(hide.by.id.to_string())
            .bind(last_seq)
            .execute(&mut *log.connection)
            .await?;
        answers.push(Ok(()));
    }
    Ok(answers)
}
