//! Erasing a person: one commit hides everything of theirs and tells who knows them. `blanking` takes the texts away.

use std::collections::HashSet;

use uuid::Uuid;

use super::batch::Op;
use super::log::LogTransaction;
use super::{Db, bounded, query, query_as};
use crate::error::{Code, Result};
use crate::model::{EventKind, EventRow, Position, UserKey};

/// The host wants a person gone.
#[derive(Debug, Clone)]
pub struct Erase {
    pub by: UserKey,
    pub user: UserKey,
    /// By how many seconds hosts' clocks run ahead of ours.
    pub ahead: i64,
}

/// Conversations that are told by the commit itself, the newest: of the others each is told when it is blanked.
const TOLD: i64 = 500;

pub async fn erase_all(log: &mut LogTransaction<'_>, items: &[&Erase]) -> Result<Vec<Result<()>>> {
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        answers.push(match is_erased(log, &item.user).await? {
            None => Err(Code::NotFound.into()),
            Some(true) => Ok(()),
            Some(false) => {
                erase(log, item).await?;
                Ok(())
            }
        });
    }
    Ok(answers)
}

async fn is_erased(log: &mut LogTransaction<'_>, user: &UserKey) -> Result<Option<bool>> {
    let text = "select is_erased from users where tenant_id = $1 and id = $2";
    let found: Option<(bool,)> = query_as("erasures.check", text)
        .bind(user.tenant.to_string())
        .bind(user.id.to_string())
        .fetch_optional(&mut *log.connection)
        .await?;
    Ok(found.map(|(is_erased,)| is_erased))
}

async fn erase(log: &mut LogTransaction<'_>, item: &Erase) -> Result<()> {
    let position = tell(log, item, None);
    for conversation in conversations(log, &item.user).await? {
        tell(log, item, Some(conversation));
    }
    // What they wrote up to here is theirs that is gone; their tokens of this second and before, by the clocks of hosts,
    // and each that was seen, are refused and do not bring the profile back.
    query("erasures.hide", "
        with gone as (
            update users set name = null, image_url = null, role = null, email = null, email_off = false,
                             claims_iat = greatest(floor(extract(epoch from $4::timestamptz)) + $5, claims_iat), updated_at = $4,
                             is_erased = true, erased_at = $4, erased_position = $3
             where tenant_id = $1 and id = $2
            returning tenant_id, id, claims_iat
        ), refused as (
            insert into revocations (tenant_id, user_id, before) select * from gone
            on conflict on constraint revocations_pkey do update set before = greatest(revocations.before, excluded.before), revoked_at = now()
        ), tickets as (
            delete from stream_tickets where tenant_id = $1 and user_id = $2
        ), seen as (
            delete from presence where tenant_id = $1 and user_id = $2
        )
        insert into erasures (tenant_id, user_id, position, requested_at) values ($1, $2, $3, $4)")
        .bind(item.user.tenant.to_string())
        .bind(item.user.id.to_string())
        .bind(position)
        .bind(log.now.0)
        .bind(item.ahead)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}

/// `user.updated`, to those who share a conversation or, without one, to the person's own devices.
fn tell(log: &mut LogTransaction<'_>, item: &Erase, conversation: Option<Uuid>) -> Position {
    log.append(EventKind::UserUpdated, &item.user.tenant, |row| {
        mark(row, &item.user.id, conversation, HIDDEN);
        row.actor_id = Some(item.by.id.to_string());
    })
}

/// The `seq` of the events of an erasure: of those by which everything is hidden, and of those of a chunk.
const HIDDEN: i64 = 0;
pub(super) const CHUNK: i64 = 1;

/// Makes it the event of an erasure. Without a conversation it is for the person's own devices.
pub(super) fn mark(row: &mut EventRow, user: &str, conversation: Option<Uuid>, what: i64) {
    row.subject_user_id = Some(user.to_owned());
    row.conversation_id = conversation;
    row.audience_user_id = conversation.is_none().then(|| user.to_owned());
    row.seq = Some(what);
}

/// Every conversation the person is or was in, those that are left included: what they said there is there.
async fn conversations(log: &mut LogTransaction<'_>, user: &UserKey) -> Result<Vec<Uuid>> {
    let text = "select distinct m.conversation_id from members m
                  join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id and c.deleted_position is null
                 where m.tenant_id = $1 and m.user_id = $2
                 order by m.conversation_id desc limit $3";
    let rows: Vec<(Uuid,)> = query_as("erasures.shared", text)
        .bind(user.tenant.to_string())
        .bind(user.id.to_string())
        .bind(TOLD)
        .fetch_all(&mut *log.connection)
        .await?;
    Ok(rows.into_iter().map(|(id,)| id).collect())
}

/// Whether something of the person's is still to be blanked.
pub async fn is_going_on(db: &Db, user: &UserKey) -> Result<bool> {
    let text = "select exists (select from erasures where tenant_id = $1 and user_id = $2 and finished_at is null)";
    bounded(async {
        let mut connection = db.connection().await?;
        let (is_going_on,): (bool,) = query_as("erasures.is_going_on", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_one(&mut *connection)
            .await?;
        Ok(is_going_on)
    })
    .await
}

/// Which of these items come from people who are erased: requests that were on their way with a token that is refused by
/// now. Looked at only where somebody was erased lately.
pub(super) async fn of_the_erased(
    log: &mut LogTransaction<'_>,
    ops: &[&Op],
) -> Result<HashSet<usize>> {
    let by: Vec<(usize, &UserKey)> = ops
        .iter()
        .enumerate()
        .filter_map(|(i, op)| Some((i, op.by()?)))
        .collect();
    if by.is_empty() {
        return Ok(HashSet::new());
    }
    let text =
        "select g.n - 1 from unnest($1::text[], $2::text[]) with ordinality as g (tenant_id, id, n)
                  join users u on u.tenant_id = g.tenant_id and u.id = g.id and u.is_erased";
    let found: Vec<(i64,)> = query_as("erasures.of_the_erased", text)
        .bind(
            by.iter()
                .map(|(_, key)| key.tenant.to_string())
                .collect::<Vec<_>>(),
        )
        .bind(
            by.iter()
                .map(|(_, key)| key.id.to_string())
                .collect::<Vec<_>>(),
        )
        .fetch_all(&mut *log.connection)
        .await?;
    let at = found.into_iter().filter_map(|(n,)| by.get(n as usize));
    Ok(at.map(|(i, _)| *i).collect())
}
