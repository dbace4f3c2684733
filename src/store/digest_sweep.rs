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
/// What is not done to find whose members they are.
const BY_INDEX: [&str; 3] = ["enable_seqscan", "enable_hashjoin", "enable_mergejoin"];
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

/// What time it is, and how long is waited.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    pub now: DateTime<Utc>,
    /// A message is unread so long before anybody is told.
    pub period: TimeDelta,
    /// After one, two, and more e-mails about a conversation since its reader was on the site.
    pub back_off: [TimeDelta; 3],
}

/// Goes on through at most `limit` events, up to what is younger than `period`. Gives whether there is more. Two at once wait
/// for each other: each event is gone through once.
pub async fn go_on(db: &Db, clock: &Clock, limit: i64) -> Result<bool> {
    let Clock { now, period, .. } = *clock;
    // By the indexes, however young the tables are.
    let by_index = "select set_config(name, 'off', true) from unnest($1::text[]) name";
    let place = "select position from unread_sweep for update";
    let reach = "
        select coalesce(min(position) filter (where occurred_at > $2) - 1, max(position), $1::bigint),
               count(*) = $3 and coalesce(bool_and(occurred_at <= $2), false)
          from (select position, occurred_at from events where position > $1 order by position limit $3) e";
    bounded(async {
        let mut connection = db.connection().await?;
        let mut transaction = connection.begin().await?;
        query("digest_sweep.by_index", by_index)
            .bind(BY_INDEX.map(str::to_owned).to_vec())
            .execute(&mut *transaction)
            .await?;
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
            let people = people(&mut transaction, (from, up_to), clock).await?;
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
    select m.tenant_id, m.user_id, min(coalesce(w.until, $4)) as at
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
    " limit 1) n
      left join lateral (
           select greatest($4, d.told_at + make_interval(secs => ($5::float8[])[least(d.times, 3)])) as until
             from digests d left join presence p on p.tenant_id = d.tenant_id and p.user_id = d.user_id
            where d.tenant_id = m.tenant_id and d.user_id = m.user_id and d.conversation_id = m.conversation_id and d.times > 0
              and coalesce(p.last_seen_at <= d.told_at, true) and not exists (
                  select from members r where r.tenant_id = m.tenant_id and r.user_id = m.user_id and r.read_at > d.told_at)) w on true
     group by m.tenant_id, m.user_id order by m.tenant_id, m.user_id"
);

/// Somebody who has not read a message, and when they may be told.
type Due = (String, String, DateTime<Utc>);

/// Who has not read a message of these events, and can be told: now, or where they were told of that conversation in vain,
/// after a while of `back_off`. It would be put off then, and looked at each time somebody writes.
async fn people(
    connection: &mut PgConnection,
    (from, up_to): (Position, Position),
    clock: &Clock,
) -> Result<Vec<Due>> {
    Ok(query_as("digest_sweep.people", PEOPLE)
        .bind(from)
        .bind(up_to)
        .bind(clock.now - clock.period - LOOK_BACK)
        .bind(clock.now)
        .bind(clock.back_off.map(|wait| wait.as_seconds_f64()).to_vec())
        .fetch_all(connection)
        .await?)
}

/// One job a person: where there is one that waits, its time is now, and one that is over begins anew. One that runs began
/// when these messages were there.
async fn put(connection: &mut PgConnection, people: &[Due], now: DateTime<Utc>) -> Result<()> {
    let text = "
        insert into jobs as j (tenant_id, id, kind, key, user_id, payload, run_at, max_attempts, created_at)
        select g.tenant_id, g.id, 'DIGEST', g.user_id, g.user_id, '{}', g.at, 20, $4
          from unnest($1::text[], $2::text[], $3::uuid[], $5::timestamptz[]) as g (tenant_id, user_id, id, at)
        on conflict (tenant_id, kind, key) where key is not null do update
           set run_at = least(case when j.state = 'WAITING' then j.run_at end, excluded.run_at), state = 'WAITING',
               attempts = case when j.state = 'WAITING' then j.attempts else 0 end, finished_at = null
         where j.state <> 'RUNNING'";
    let text_of = |pick: fn(&Due) -> &String| {
        people
            .iter()
            .map(|one| pick(one).clone())
            .collect::<Vec<_>>()
    };
    query("digest_sweep.put", text)
        .bind(text_of(|(tenant, ..)| tenant))
        .bind(text_of(|(_, user, _)| user))
        .bind(people.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(now)
        .bind(people.iter().map(|(.., at)| *at).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}
