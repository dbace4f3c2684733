//! What is left of an erased person, looked for without the log's lock: which erasure waits to be gone on with, and in
//! which rows something of theirs still stands.

use sqlx::PgPool;
use uuid::Uuid;

use super::blanking::{CLAIM_SECS, Remnant};
use super::{bounded, query_as};
use crate::error::Result;
use crate::model::{Position, UserKey};

/// An erasure that is this instance's to go on with, for ten seconds after each chunk.
#[derive(Debug)]
pub struct Claimed {
    pub user: UserKey,
    pub position: Position,
    pub done_up_to: Option<Uuid>,
    /// Seconds since it was asked for, by Postgres' clock alone.
    pub age: f64,
}

/// Takes one that nobody is at.
pub async fn claim(pool: &PgPool) -> Result<Option<Claimed>> {
    let text = "
        update erasures set claimed_until = now() + make_interval(secs => $1)
         where (tenant_id, user_id, position) in (
               select tenant_id, user_id, position from erasures
                where finished_at is null and coalesce(claimed_until < now(), true)
                order by requested_at limit 1 for update skip locked)
        returning tenant_id, user_id, position, done_up_to, extract(epoch from clock_timestamp() - requested_at)::float8";
    bounded(async {
        let mut connection = pool.acquire().await?;
        type Row = (String, String, Position, Option<Uuid>, f64);
        let found: Option<Row> = query_as("erasures.claim", text)
            .bind(CLAIM_SECS)
            .fetch_optional(&mut *connection)
            .await?;
        Ok(
            found.map(|(tenant, id, position, done_up_to, age)| Claimed {
                user: UserKey::new(&tenant, &id),
                position,
                done_up_to,
                age,
            }),
        )
    })
    .await
}

/// The next conversations the person is or was in, with their newest `seq`, in the order of their ids.
pub async fn conversations(
    pool: &PgPool,
    user: &UserKey,
    after: Option<Uuid>,
) -> Result<Vec<(Uuid, i64)>> {
    let text = "
        select c.id, c.last_seq
          from (select distinct conversation_id from members
                 where tenant_id = $1 and user_id = $2 and ($3::uuid is null or conversation_id > $3)
                 order by conversation_id limit 200) m
          join conversations c on c.tenant_id = $1 and c.id = m.conversation_id order by c.id";
    bounded(async {
        let mut connection = pool.acquire().await?;
        Ok(query_as("erasures.conversations", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(after)
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// Rows of a conversation that are looked through at once: there is no index by sender, which every send would pay for.
pub const WINDOW: i64 = 20_000;

/// What is left in a window of a conversation above `after`, at most 500 rows; notices that name the person included.
pub async fn messages(
    pool: &PgPool,
    user: &UserKey,
    conversation: Uuid,
    after: i64,
) -> Result<Vec<Remnant>> {
    let text = "
        select x.conversation_id, x.id, x.seq, x.created_position, x.notice, x.content from messages x
         where x.tenant_id = $1 and x.conversation_id = $3 and x.seq > $4 and x.seq <= $4::bigint + $5::bigint
           and (x.sender_id = $2 and (x.deleted_at is null or x.client_message_id is not null or x.idempotency_key is not null
                                      or x.request_hash is not null)
                or x.sender_id is null and x.deleted_at is null and x.notice is not null
                   and (x.notice->>'actorId' = $2 or x.notice->'userIds' ? $2))
         order by x.seq limit 500";
    bounded(async {
        let mut connection = pool.acquire().await?;
        Ok(query_as("erasures.messages", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .bind(conversation)
            .bind(after)
            .bind(WINDOW)
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// Forgets when they read, what was to be done for them, and what instances note of people beside the log, some of which
/// comes a second after the erasure. Gives how many rows of the long tables went.
pub async fn forget(pool: &PgPool, user: &UserKey) -> Result<i64> {
    let text = "
        with marks as (
            delete from receipt_marks where ctid in (
                select r.ctid from (select distinct conversation_id from members where tenant_id = $1 and user_id = $2) m
                  join receipt_marks r on r.tenant_id = $1 and r.conversation_id = m.conversation_id and r.user_id = $2 limit 500)
            returning 1
        ), seen as (delete from presence where tenant_id = $1 and user_id = $2),
             digested as (delete from digests where tenant_id = $1 and user_id = $2),
             wishes as (delete from notification_preferences where tenant_id = $1 and user_id = $2),
             tickets as (delete from stream_tickets where tenant_id = $1 and user_id = $2),
             handed as (
            delete from handouts where ctid in (select ctid from handouts where tenant_id = $1 and user_id = $2 limit 500) returning 1
        ), told as (
            delete from notifications where ctid in (select ctid from notifications where tenant_id = $1 and user_id = $2 limit 500) returning 1
        ), jobs_ahead as (delete from jobs where tenant_id = $1 and user_id = $2 and state in ('WAITING', 'RUNNING')),
             jobs_over as (
            update jobs set payload = '{}', key = null, error = null where ctid in (
                select ctid from jobs where tenant_id = $1 and user_id = $2 and finished_at is not null
                   and (payload <> '{}' or key is not null or error is not null) limit 500)
            returning 1
        )
        select (select count(*) from marks) + (select count(*) from handed) + (select count(*) from told)
             + (select count(*) from jobs_over)";
    bounded(async {
        let mut connection = pool.acquire().await?;
        let (gone,): (i64,) = query_as("erasures.forget", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_one(&mut *connection)
            .await?;
        Ok(gone)
    })
    .await
}
