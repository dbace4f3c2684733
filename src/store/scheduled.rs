//! Messages that are sent later: each is a job whose id is the message's. What refuses a message refuses it when it is
//! scheduled, and once more when it is sent.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::jobs::{self, NewJob, Taken};
use super::send::Send;
use super::{Db, bounded, cut, query, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{
    FieldCode, JobKind, JobState, MessageType, Planned, ScheduledMessage, Time, UserKey,
};

/// That wait for one person, at most. The host's backend may have as many as it likes.
const MOST: i64 = 100;
/// Over about ten hours: longer than most of what makes an attempt fail.
const MAX_ATTEMPTS: i32 = 20;

/// What became of a message that was written with `deliverAt`.
pub enum Placed {
    /// It waits; and whether it was there before.
    Waits(Box<ScheduledMessage>, bool),
    /// It is to be sent now: under this id, where it was scheduled under its key.
    IsDue(Option<Uuid>),
}

/// What is known of a key.
#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    #[sqlx(try_from = "String")]
    state: JobState,
    payload: Value,
    run_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
}

/// What is known of who schedules, and of where.
#[derive(sqlx::FromRow)]
struct Found {
    closed: bool,
    is_member: bool,
    is_sent: bool,
    is_quoted: bool,
    waiting: i64,
}

/// Schedules it for `at`, unless that is past.
pub async fn put(db: &Db, send: &Send, at: Time) -> Result<Placed> {
    let is_due = at.0 <= Utc::now();
    bounded(async {
        let mut transaction = db.pool().begin().await?;
        // One person's come one after the other: no two of them are the hundredth, and of two under one key one is first.
        query(
            "scheduled.lock",
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        )
        .bind(format!("scheduled/{}/{}", send.by.tenant, send.by.id))
        .execute(&mut *transaction)
        .await?;
        if let Some(row) = find(&mut transaction, send).await? {
            return again(row, send, at, is_due);
        }
        if is_due || !check(&mut transaction, send).await? {
            return Ok(Placed::IsDue(None));
        }
        let placed = match jobs::put(&mut transaction, &[job(send, at)?])
            .await?
            .first()
        {
            Some(id) => Placed::Waits(Box::new(get(&mut transaction, send, *id).await?), false),
            // Another backend's, under the same key, came in between.
            None => match find(&mut transaction, send).await? {
                Some(row) => again(row, send, at, is_due)?,
                None => return Err(Code::Unavailable.into()),
            },
        };
        transaction.commit().await?;
        Ok(placed)
    })
    .await
}

/// Of a person, or of all backends of a tenant: as the keys of what is sent at once.
fn job_key(send: &Send) -> Option<String> {
    let key = send.key.as_deref()?;
    Some(match send.r#type {
        // With its length: ids and keys may hold anything.
        MessageType::User => format!("{}:{}/{key}", send.by.id.len(), send.by.id),
        MessageType::System => format!("/{key}"),
    })
}

fn hash(send: &Send) -> String {
    send.hash().iter().fold(String::new(), |mut text, byte| {
        // Into a String it cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn job(send: &Send, at: Time) -> Result<NewJob> {
    let planned = Planned {
        conversation_id: send.conversation,
        r#type: send.r#type,
        message: send.message.clone(),
        key: send.key.clone(),
        hash: hash(send),
    };
    Ok(NewJob {
        tenant: send.by.tenant.to_string(),
        kind: JobKind::Message,
        key: job_key(send),
        user: Some(send.by.id.to_string()),
        payload: serde_json::to_value(planned)?,
        run_at: at.0,
        max_attempts: MAX_ATTEMPTS,
    })
}

async fn find(connection: &mut PgConnection, send: &Send) -> Result<Option<Row>> {
    let Some(key) = job_key(send) else {
        return Ok(None);
    };
    let text = "select id, state, payload, run_at, created_at from jobs where tenant_id = $1 and kind = 'MESSAGE' and key = $2";
    Ok(query_as("scheduled.find", text)
        .bind(send.by.tenant.to_string())
        .bind(key)
        .fetch_optional(connection)
        .await?)
}

async fn get(connection: &mut PgConnection, send: &Send, id: Uuid) -> Result<ScheduledMessage> {
    let text =
        "select id, state, payload, run_at, created_at from jobs where tenant_id = $1 and id = $2";
    let row = query_as("scheduled.get", text)
        .bind(send.by.tenant.to_string())
        .bind(id)
        .fetch_one(connection)
        .await?;
    shown(row)
}

/// What a key that is known already comes to.
fn again(row: Row, send: &Send, at: Time, is_due: bool) -> Result<Placed> {
    match row.state {
        JobState::Cancelled => return Err(Code::ScheduleCancelled.into()),
        // Its message is found by the key, and says whether this is the same.
        JobState::Done => return Ok(Placed::IsDue(None)),
        JobState::Waiting | JobState::Running | JobState::Dead => {}
    }
    let planned: Planned = serde_json::from_value(row.payload.clone())?;
    if planned.hash != hash(send) || planned.message.deliver_at != Some(at) {
        return Err(Code::IdempotencyMismatch.into());
    }
    if is_due {
        return Ok(Placed::IsDue(Some(row.id)));
    }
    Ok(Placed::Waits(Box::new(shown(row)?), true))
}

fn shown(row: Row) -> Result<ScheduledMessage> {
    let planned: Planned = serde_json::from_value(row.payload)?;
    Ok(planned.shown(row.id, Time(row.run_at), Time(row.created_at)))
}

/// Whether it may wait: not when it was sent already, at once, under its key. Or why it may be neither.
async fn check(connection: &mut PgConnection, send: &Send) -> Result<bool> {
    let text = "
        select c.closed, m.user_id is not null as is_member, q.id is not null as is_quoted,
               exists (select from messages r where r.tenant_id = $1 and r.sender_id = $3 and r.idempotency_key = $4)
               or exists (select from messages r where r.tenant_id = $1 and r.sender_id is null and r.idempotency_key = $5) as is_sent,
               (select count(*) from (
                    select from jobs j where j.tenant_id = $1 and j.user_id = $3 and j.kind = 'MESSAGE'
                                         and j.state in ('WAITING', 'RUNNING') limit $7) w) as waiting
          from conversations c
          left join members m on m.tenant_id = c.tenant_id and m.conversation_id = c.id and m.user_id = $3 and m.left_position is null
          left join messages q on q.tenant_id = c.tenant_id and q.conversation_id = c.id and q.id = $6
         where c.tenant_id = $1 and c.id = $2 and c.deleted_position is null";
    let is_system = send.r#type == MessageType::System;
    let found: Option<Found> = query_as("scheduled.check", text)
        .bind(send.by.tenant.to_string())
        .bind(send.conversation)
        .bind(send.by.id.to_string())
        .bind(send.key.clone().filter(|_| !is_system))
        .bind(send.key.clone().filter(|_| is_system))
        .bind(send.message.reply_to_id)
        .bind(MOST)
        .fetch_optional(connection)
        .await?;
    let found = found.filter(|found| found.is_member || is_system);
    let found = found.ok_or(Code::NotFound)?;
    if found.is_sent {
        return Ok(false);
    }
    if found.closed {
        return Err(Code::ConversationClosed.into());
    }
    if send.message.reply_to_id.is_some() && !found.is_quoted {
        return Err(Error::field("/replyToId", FieldCode::MessageUnknown));
    }
    if found.waiting >= MOST && !is_system {
        return Err(Code::TooManyScheduled.into());
    }
    Ok(true)
}

/// As it is sent, under the id that it was given.
pub fn of_job(job: &Taken) -> Result<Send> {
    let planned: Planned = serde_json::from_value(job.payload.clone())?;
    let user = job.user.as_deref();
    let user = user.ok_or_else(|| Error::from(Code::Internal).because("a message of nobody"))?;
    Ok(Send {
        by: UserKey::new(&job.tenant, user),
        id: job.id,
        conversation: planned.conversation_id,
        message: planned.message,
        r#type: planned.r#type,
        notice: None,
        key: planned.key,
    })
}

/// Where a page goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    pub run_at: DateTime<Utc>,
    pub id: Uuid,
}

/// What waits, the soonest first; in one conversation, where that is said.
pub async fn list(
    db: &Db,
    by: &UserKey,
    conversation: Option<Uuid>,
    after: After,
    limit: i64,
) -> Result<(Vec<ScheduledMessage>, Option<After>)> {
    let text = "
        select id, state, payload, run_at, created_at from jobs
         where tenant_id = $1 and user_id = $2 and kind = 'MESSAGE' and state in ('WAITING', 'RUNNING')
           and ($3::text is null or payload->>'conversationId' = $3) and (run_at, id) > ($4, $5)
         order by run_at, id limit $6";
    bounded(async {
        let mut connection = db.connection().await?;
        let mut rows: Vec<Row> = query_as("scheduled.list", text)
            .bind(by.tenant.to_string())
            .bind(by.id.to_string())
            .bind(conversation.map(|id| id.to_string()))
            .bind(after.run_at)
            .bind(after.id)
            .bind(limit + 1)
            .fetch_all(&mut *connection)
            .await?;
        let next = cut(&mut rows, limit, |row| After {
            run_at: row.run_at,
            id: row.id,
        });
        let items: Result<Vec<_>> = rows.into_iter().map(shown).collect();
        Ok((items?, next))
    })
    .await
}

/// It will not be sent, and nothing of it is kept. Said again, it is so already.
pub async fn cancel(db: &Db, by: &UserKey, id: Uuid) -> Result<()> {
    let cancel = "
        update jobs set state = 'CANCELLED', payload = '{}', finished_at = coalesce(finished_at, now())
         where tenant_id = $1 and id = $2 and user_id = $3 and kind = 'MESSAGE' and state in ('WAITING', 'CANCELLED', 'DEAD')
           and not exists (select from messages m where m.tenant_id = $1 and m.id = $2)";
    let look =
        "select from jobs where tenant_id = $1 and id = $2 and user_id = $3 and kind = 'MESSAGE'";
    bounded(async {
        let mut connection = db.connection().await?;
        let cancelled = query("scheduled.cancel", cancel)
            .bind(by.tenant.to_string())
            .bind(id)
            .bind(by.id.to_string())
            .execute(&mut *connection)
            .await?;
        if cancelled.rows_affected() > 0 {
            return Ok(());
        }
        let found = query("scheduled.look", look)
            .bind(by.tenant.to_string())
            .bind(id)
            .bind(by.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        Err(found.map_or(Code::NotFound, |_| Code::JobStarted).into())
    })
    .await
}
