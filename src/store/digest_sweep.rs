//! The log gone through for messages that stay unread: whoever has one gets a job that looks at all they have not read. What
//! time it is the caller says.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::conversation_rows::is_unread;
use super::jobs::{self, NewJob};
use super::message_rows::gone;
use super::{Db, bounded, query, query_as};
use crate::error::Result;
use crate::model::{JobKind, Position};

/// Of what is unread for longer than this nobody is told any more: nobody went through the log meanwhile, for nobody was to
/// be told, or nothing ran.
const LOOK_BACK: TimeDelta = TimeDelta::days(1);
/// People whose jobs go in one statement.
const CHUNK: usize = 1_000;

/// What is to be done for ever, once: from the head of the log on, the past is nobody's news.
pub async fn begin(connection: &mut PgConnection, now: DateTime<Utc>) -> Result<()> {
    let text = "
        insert into unread_sweep (position)
        select coalesce((select position from events order by position desc limit 1), 0) on conflict do nothing";
    bounded(async {
        query("digest_sweep.begin", text)
            .execute(&mut *connection)
            .await?;
        let job = NewJob {
            // Of none. No token can name it: a tenant has at least one character.
            tenant: String::new(),
            kind: JobKind::UnreadSweep,
            key: Some("log".to_owned()),
            user: None,
            payload: json!({}),
            run_at: now,
            max_attempts: i32::MAX,
        };
        jobs::put(connection, &[job]).await?;
        Ok(())
    })
    .await
}

/// Goes on through at most `limit` events, up to what is younger than `period`. Gives whether there is more. Two at once wait
/// for each other: each event is gone through once.
pub async fn go_on(db: &Db, now: DateTime<Utc>, period: TimeDelta, limit: i64) -> Result<bool> {
    let place = "select position from unread_sweep for update";
    let reach = "
        select coalesce(min(position) filter (where occurred_at > $2) - 1, max(position), $1::bigint),
               count(*) = $3 and coalesce(bool_and(occurred_at <= $2), false)
          from (select position, occurred_at from events where position > $1 order by position limit $3) e";
    bounded(async {
        let mut connection = db.connection().await?;
        let mut transaction = connection.begin().await?;
        let from: Option<(Position,)> = query_as("digest_sweep.place", place)
            .fetch_optional(&mut *transaction)
            .await?;
        let Some((from,)) = from else {
            return Ok(false);
        };
        let (up_to, has_more): (Position, bool) = query_as("digest_sweep.reach", reach)
            .bind(from)
            .bind(now - period)
            .bind(limit)
            .fetch_one(&mut *transaction)
            .await?;
        if up_to > from {
            let since = now - period - LOOK_BACK;
            let people = people(&mut transaction, (from, up_to), since).await?;
            for some in people.chunks(CHUNK) {
                put(&mut transaction, some, now).await?;
            }
            query("digest_sweep.move", "update unread_sweep set position = $1")
                .bind(up_to)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(has_more)
    })
    .await
}

/// By name for the test of what it costs.
pub const PEOPLE: &str = concat!(
    "
    select distinct m.tenant_id, m.user_id
      from (select tenant_id, conversation_id, min(seq) as low, max(seq) as high from events
             where position > $1 and position <= $2 and type = 'message.created' and occurred_at > $3
             group by tenant_id, conversation_id) e
      join conversations c on c.tenant_id = e.tenant_id and c.id = e.conversation_id
      join members m on m.tenant_id = e.tenant_id and m.conversation_id = e.conversation_id
           and m.left_position is null and m.read_up_to < e.high
      join users u on u.tenant_id = m.tenant_id and u.id = m.user_id
           and u.email is not null and not u.email_off and not u.is_erased
     cross join lateral (
           select from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
            where x.tenant_id = c.tenant_id and x.conversation_id = c.id and x.seq between e.low and e.high and ",
    is_unread!(),
    " limit 1) n"
);

/// Who has not read a message of these events, and can be told.
async fn people(
    connection: &mut PgConnection,
    (from, up_to): (Position, Position),
    since: DateTime<Utc>,
) -> Result<Vec<(String, String)>> {
    Ok(query_as("digest_sweep.people", PEOPLE)
        .bind(from)
        .bind(up_to)
        .bind(since)
        .fetch_all(connection)
        .await?)
}

/// One job a person: where there is one that waits, its time is now, and one that is over begins anew. One that runs began
/// when these messages were there.
async fn put(
    connection: &mut PgConnection,
    people: &[(String, String)],
    now: DateTime<Utc>,
) -> Result<()> {
    let text = "
        insert into jobs as j (tenant_id, id, kind, key, user_id, payload, run_at, max_attempts, created_at)
        select g.tenant_id, g.id, 'DIGEST', g.user_id, g.user_id, '{}', $4, 20, $4
          from unnest($1::text[], $2::text[], $3::uuid[]) as g (tenant_id, user_id, id)
        on conflict (tenant_id, kind, key) where key is not null do update
           set run_at = least(case when j.state = 'WAITING' then j.run_at end, excluded.run_at), state = 'WAITING',
               attempts = case when j.state = 'WAITING' then j.attempts else 0 end, finished_at = null
         where j.state <> 'RUNNING'";
    let (tenants, users): (Vec<_>, Vec<_>) = people.iter().cloned().unzip();
    query("digest_sweep.put", text)
        .bind(tenants)
        .bind(users)
        .bind(people.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(now)
        .execute(connection)
        .await?;
    Ok(())
}
