//! Taking the texts of an erased person away: some hundred rows at a time, between other people's writes. They are hidden
//! already; what is told with each chunk is that the rows have changed, for readers who ask what has.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::erasure::{CHUNK, mark};
use super::log::LogTransaction;
use super::messages::TOGETHER;
use super::notices::{Worded, word_anew};
use super::{query, query_as};
use crate::error::Result;
use crate::model::{EventKind, Position, UserKey};

/// A chunk: what is to be blanked, and which memberships end.
#[derive(Debug, Clone)]
pub struct Blank {
    pub user: UserKey,
    /// Which erasure of theirs.
    pub position: Position,
    /// In the order of conversations, and of `seq` inside each.
    pub messages: Vec<Remnant>,
    pub leave: Vec<Uuid>,
    /// Conversations up to this one are done with it.
    pub done_up_to: Option<Uuid>,
    /// Nothing is left: it is the last.
    pub is_last: bool,
}

/// A message with something of the person's in it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Remnant {
    pub conversation_id: Uuid,
    pub id: Uuid,
    pub seq: i64,
    pub created_position: Position,
    /// Of a notice that names them: it is worded anew.
    pub notice: Option<serde_json::Value>,
    pub content: Option<String>,
}

/// How long an instance has to go on, until another one does.
pub const CLAIM_SECS: f64 = 10.0;

pub async fn blank_all(log: &mut LogTransaction<'_>, items: &[&Blank]) -> Result<Vec<Result<u64>>> {
    let mut answers = Vec::with_capacity(items.len());
    for item in items {
        answers.push(Ok(blank(log, item).await?));
    }
    Ok(answers)
}

/// Gives how many rows there were to change.
async fn blank(log: &mut LogTransaction<'_>, item: &Blank) -> Result<u64> {
    let worded = word_anew(log, &item.user.tenant, &item.messages).await?;
    let places = tell(log, item, &worded);
    let own = |remnant: &&Remnant| remnant.notice.is_none();
    let own: Vec<(Uuid, Position)> = item
        .messages
        .iter()
        .filter(own)
        .filter_map(|remnant| Some((remnant.id, *places.get(&remnant.id)?)))
        .collect();
    let mut done = 0;
    if !own.is_empty() {
        done += take_texts(log, item, &own).await?;
    }
    if !worded.is_empty() {
        done += put_words(log, item, &worded, &places).await?;
    }
    if !item.leave.is_empty() {
        done += leave(log, item).await?;
    }
    note(log, item, done).await?;
    Ok(done)
}

/// One event for some messages of a conversation. Gives the position at which each changes.
fn tell(log: &mut LogTransaction<'_>, item: &Blank, worded: &[Worded]) -> HashMap<Uuid, Position> {
    let anew: HashSet<Uuid> = worded.iter().map(|one| one.id).collect();
    let changes = |remnant: &&Remnant| remnant.notice.is_none() || anew.contains(&remnant.id);
    let changing: Vec<&Remnant> = item.messages.iter().filter(changes).collect();
    let mut places = HashMap::new();
    for of_one in changing.chunk_by(|a, b| a.conversation_id == b.conversation_id) {
        for some in of_one.chunks(TOGETHER) {
            let conversation = some.first().map(|remnant| remnant.conversation_id);
            let position = log.append(EventKind::UserUpdated, &item.user.tenant, |row| {
                mark(row, &item.user.id, conversation, CHUNK);
            });
            places.extend(some.iter().map(|remnant| (remnant.id, position)));
        }
    }
    places
}

/// Texts, earlier texts, and the keys that the person's program made up. The row stays: `seq` has no holes.
async fn take_texts(
    log: &mut LogTransaction<'_>,
    item: &Blank,
    own: &[(Uuid, Position)],
) -> Result<u64> {
    let done = query("erasures.blank", "
        with g as materialized (
            select * from unnest($3::uuid[], $4::bigint[]) as g (id, position)
        ), forgotten as (
            delete from revisions r using g where r.tenant_id = $1 and r.message_id = g.id
        )
        update messages x set content = null, attachments = '[]', metadata = '{}', notice = null, client_message_id = null,
                              idempotency_key = null, request_hash = null, changed_position = g.position,
                              deleted_at = coalesce(x.deleted_at, u.erased_at, $5)
          from g, users u
         where x.tenant_id = $1 and x.id = g.id and u.tenant_id = $1 and u.id = $2 and x.sender_id = $2")
        .bind(item.user.tenant.to_string())
        .bind(item.user.id.to_string())
        .bind(own.iter().map(|(id, _)| *id).collect::<Vec<_>>())
        .bind(own.iter().map(|(_, position)| *position).collect::<Vec<_>>())
        .bind(log.now.0)
        .execute(&mut *log.connection)
        .await?;
    Ok(done.rows_affected())
}

async fn put_words(
    log: &mut LogTransaction<'_>,
    item: &Blank,
    worded: &[Worded],
    places: &HashMap<Uuid, Position>,
) -> Result<u64> {
    let position = |one: &Worded| places.get(&one.id).copied();
    let done = query(
        "erasures.word",
        "
        update messages x set content = g.content, changed_position = coalesce(g.position, x.changed_position)
          from unnest($2::uuid[], $3::text[], $4::bigint[]) as g (id, content, position)
         where x.tenant_id = $1 and x.id = g.id and x.deleted_at is null",
    )
    .bind(item.user.tenant.to_string())
    .bind(worded.iter().map(|one| one.id).collect::<Vec<_>>())
    .bind(worded.iter().map(|one| one.content.clone()).collect::<Vec<_>>())
    .bind(worded.iter().map(position).collect::<Vec<_>>())
    .execute(&mut *log.connection)
    .await?;
    Ok(done.rows_affected())
}

/// Ends the memberships, and forgets when the person read, in those that had ended before as well. Nothing is said about it, only told. Nobody finds a PRIVATE conversation by these two people
/// any more: whoever comes back under that id begins another.
async fn leave(log: &mut LogTransaction<'_>, item: &Blank) -> Result<u64> {
    let text = "select conversation_id from members
                 where tenant_id = $1 and user_id = $2 and conversation_id = any($3) and left_position is null";
    let open: Vec<(Uuid,)> = query_as("erasures.open", text)
        .bind(item.user.tenant.to_string())
        .bind(item.user.id.to_string())
        .bind(item.leave.clone())
        .fetch_all(&mut *log.connection)
        .await?;
    let mut left = HashMap::with_capacity(open.len());
    for (conversation,) in open {
        let position = log.append(EventKind::MemberLeft, &item.user.tenant, |row| {
            row.conversation_id = Some(conversation);
            row.actor_id = Some(item.user.id.to_string());
            row.subject_user_id = Some(item.user.id.to_string());
        });
        left.insert(conversation, position);
    }
    query("erasures.leave", "
        with g as materialized (
            select * from unnest($3::uuid[], $4::bigint[]) as g (id, position)
        ), unkeyed as (
            update conversations c set dedupe_key = null from g
             where c.tenant_id = $1 and c.id = g.id and g.position is not null and c.type = 'PRIVATE' and c.dedupe_key is not null
        )
        update members m set left_position = coalesce(m.left_position, g.position), read_at = null, shown_at = null from g
         where m.tenant_id = $1 and m.conversation_id = g.id and m.user_id = $2
           and (m.left_position is null or m.read_at is not null or m.shown_at is not null)")
        .bind(item.user.tenant.to_string())
        .bind(item.user.id.to_string())
        .bind(item.leave.clone())
        .bind(item.leave.iter().map(|id| left.get(id).copied()).collect::<Vec<_>>())
        .execute(&mut *log.connection)
        .await?;
    Ok(left.len() as u64)
}

/// How far it has come, in the same commit. What they chose ends last: until their memberships have ended, it hides them.
async fn note(log: &mut LogTransaction<'_>, item: &Blank, done: u64) -> Result<()> {
    let finished_at: Option<DateTime<Utc>> = item.is_last.then_some(log.now.0);
    query("erasures.note", "
        with chosen as (
            update users set presence_hidden = false, receipts_off = false where tenant_id = $1 and id = $2 and $6::timestamptz is not null
        )
        update erasures set done_up_to = coalesce($4, done_up_to), blanked = blanked + $5, finished_at = $6,
                            claimed_until = now() + make_interval(secs => $7)
         where tenant_id = $1 and user_id = $2 and position = $3 and finished_at is null")
        .bind(item.user.tenant.to_string())
        .bind(item.user.id.to_string())
        .bind(item.position)
        .bind(item.done_up_to)
        .bind(done as i64)
        .bind(finished_at)
        .bind(CLAIM_SECS)
        .execute(&mut *log.connection)
        .await?;
    Ok(())
}
