//! Jobs: put, taken by one instance at a time, ended. Times are Postgres' own, so that instances need not agree on one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{Connection, PgConnection, PgPool};
use uuid::Uuid;

use super::{POINT_LOOK_UPS, bounded, query, query_as};
use crate::error::Result;
use crate::model::{JobKind, JobState};

/// Work to be done at a time.
#[derive(Debug, Clone)]
pub struct NewJob {
    pub tenant: String,
    pub kind: JobKind,
    /// Put twice under one key, it is put once.
    pub key: Option<String>,
    /// Whose it is, where it is one person's.
    pub user: Option<String>,
    pub payload: Value,
    pub run_at: DateTime<Utc>,
    /// Started so many times at most.
    pub max_attempts: i32,
}

/// A job that this instance does, until its lease ends.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Taken {
    #[sqlx(rename = "tenant_id")]
    pub tenant: String,
    pub id: Uuid,
    #[sqlx(try_from = "String")]
    pub kind: JobKind,
    pub key: Option<String>,
    #[sqlx(rename = "user_id")]
    pub user: Option<String>,
    pub payload: Value,
    pub attempts: i32,
    pub max_attempts: i32,
    lease: Uuid,
}

/// What becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    Done,
    /// Tried again after a while, unless that was the last attempt.
    Again(Duration, String),
    /// Not an attempt: it is not yet time.
    Later(DateTime<Utc>),
    /// Done, and to be done again then.
    Repeat(DateTime<Utc>),
    Dead(String),
    /// Cancelled, and why: there is nothing left to do it for.
    Moot(String),
}

/// The connection of whoever takes jobs: by the index, whatever was planned while the table was young.
pub async fn connect(pool: &PgPool) -> Result<PgConnection> {
    let options = pool.connect_options().as_ref().clone();
    let options = options.application_name("causerie-jobs");
    let options = options.options(POINT_LOOK_UPS);
    bounded(async { Ok(PgConnection::connect_with(&options).await?) }).await
}

/// Puts jobs; those whose key is there already are not put again. In the caller's transaction, where there is one. Gives
/// the ids of those that were put.
pub async fn put(connection: &mut PgConnection, jobs: &[NewJob]) -> Result<Vec<Uuid>> {
    let ids: Vec<_> = jobs.iter().map(|_| Uuid::now_v7()).collect();
    let column = |pick: fn(&NewJob) -> Option<String>| jobs.iter().map(pick).collect::<Vec<_>>();
    let put: Vec<(Uuid,)> = query_as("jobs.put", "
        insert into jobs (tenant_id, id, kind, key, user_id, payload, run_at, max_attempts)
        select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::timestamptz[], $8::int[])
        on conflict do nothing returning id")
        .bind(column(|job| Some(job.tenant.clone())))
        .bind(ids)
        .bind(column(|job| Some(job.kind.as_str().to_owned())))
        .bind(column(|job| job.key.clone()))
        .bind(column(|job| job.user.clone()))
        .bind(jobs.iter().map(|job| job.payload.clone()).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.run_at).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.max_attempts).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
    Ok(put.into_iter().map(|(id,)| id).collect())
}

/// How many may be begun, and for how long each is held. E-mails have places of their own, as a server may hang, and so has
/// what looks for unread messages, as very many may be due in one second: neither keeps anybody else waiting.
#[derive(Debug, Clone, Copy)]
pub struct Places {
    pub emails: i64,
    pub email_lease: Duration,
    pub digests: i64,
    pub others: i64,
    pub lease: Duration,
}

/// By name for the test of what it costs. What one person says in one conversation goes in its order, one after the other.
/// Kinds of another version wait for it; that condition is written so that no index is chosen for it.
pub const TAKE: &str = "
    with emails as (
        select tenant_id, id from jobs where state = 'WAITING' and kind = 'EMAIL' and run_at <= now()
         order by run_at limit $4 for update skip locked
    ), digests as (
        select tenant_id, id from jobs where state = 'WAITING' and kind = 'DIGEST' and run_at <= now()
         order by run_at limit $7 for update skip locked
    ), others as (
        select tenant_id, id from jobs w where state = 'WAITING' and kind not in ('EMAIL', 'DIGEST') and run_at <= now()
           and array_position($6::text[], kind) is not null
           and not (kind = 'MESSAGE' and exists (
               select from jobs e where e.tenant_id = w.tenant_id and e.user_id = w.user_id and e.kind = 'MESSAGE'
                  and e.state in ('WAITING', 'RUNNING') and (e.run_at, e.id) < (w.run_at, w.id)
                  and e.payload->'conversationId' = w.payload->'conversationId'))
         order by run_at limit $2 for update skip locked
    ), due as (select * from emails union all select * from digests union all select * from others)
    update jobs j set state = 'RUNNING', attempts = j.attempts + 1, lease = $1,
                      leased_until = now() + make_interval(secs => case when j.kind = 'EMAIL' then $5 else $3 end)
      from due where j.tenant_id = due.tenant_id and j.id = due.id
    returning j.tenant_id, j.id, j.kind, j.key, j.user_id, j.payload, j.attempts, j.max_attempts, j.lease";

/// Those that this version does.
pub fn kinds() -> Vec<&'static str> {
    JobKind::ALL.iter().map(|kind| kind.as_str()).collect()
}

/// Takes as many jobs as there are places, whose time has come, the oldest first.
pub async fn take(connection: &mut PgConnection, places: Places) -> Result<Vec<Taken>> {
    bounded(async {
        let taken = query_as("jobs.take", TAKE)
            .bind(Uuid::new_v4())
            .bind(places.others)
            .bind(places.lease.as_secs_f64())
            .bind(places.emails)
            .bind(places.email_lease.as_secs_f64())
            .bind(kinds())
            .bind(places.digests);
        Ok(taken.fetch_all(connection).await?)
    })
    .await
}

/// Says how it ended, unless its lease was lost meanwhile. Gives what it is now; none where it is another's to say.
pub async fn end(pool: &PgPool, job: &Taken, ending: &Ending) -> Result<Option<JobState>> {
    let (mut state, mut after, mut error) = (JobState::Waiting, None, None);
    match ending {
        Ending::Done => state = JobState::Done,
        Ending::Moot(why) => (state, error) = (JobState::Cancelled, Some(why.clone())),
        Ending::Dead(why) => (state, error) = (JobState::Dead, Some(why.clone())),
        Ending::Again(_, why) if job.attempts >= job.max_attempts => {
            (state, error) = (JobState::Dead, Some(why.clone()));
        }
        Ending::Again(wait, why) => {
            (after, error) = (Some(wait.as_secs_f64()), Some(why.clone()));
        }
        // As a span: this instance's clock is not Postgres'.
        Ending::Later(time) | Ending::Repeat(time) => {
            after = Some((*time - Utc::now()).as_seconds_f64().max(0.0));
        }
    }
    let is_later = matches!(ending, Ending::Later(_));
    let is_anew = matches!(ending, Ending::Repeat(_));
    let text = "
        update jobs set state = $4, lease = null, leased_until = null, error = case when not $8 then coalesce($7, error) end,
                        attempts = case when $8 then 0 when $6 then attempts - 1 else attempts end,
                        run_at = coalesce(now() + make_interval(secs => $5), run_at),
                        payload = case when $4 <> 'DONE' then payload when kind <> 'EMAIL' then '{}'
                                       else payload #- '{email,text}' #- '{email,html}' #- '{email,template,values}' end,
                        finished_at = case when $4 = 'WAITING' then null else now() end
         where tenant_id = $1 and id = $2 and state = 'RUNNING' and lease = $3";
    bounded(async {
        let mut connection = pool.acquire().await?;
        let done = query("jobs.end", text)
            .bind(job.tenant.clone())
            .bind(job.id)
            .bind(job.lease)
            .bind(state.as_str())
            .bind(after)
            .bind(is_later)
            .bind(error)
            .bind(is_anew)
            .execute(&mut *connection)
            .await?;
        Ok((done.rows_affected() > 0).then_some(state))
    })
    .await
}

/// A job whose holder is gone.
#[derive(Debug, sqlx::FromRow)]
pub struct Orphan {
    pub id: Uuid,
    #[sqlx(try_from = "String")]
    pub kind: JobKind,
    #[sqlx(try_from = "String")]
    pub state: JobState,
}

/// Gives back what instances held that are gone: its time is now, or over, where that was its last attempt.
pub async fn take_back(connection: &mut PgConnection) -> Result<Vec<Orphan>> {
    // What somebody holds for a moment, or stands still with, is found later: it keeps the others not.
    let text = "
        with gone as (
            select tenant_id, id from jobs where state = 'RUNNING' and leased_until < now() and kind = any($1) for update skip locked
        )
        update jobs j set state = case when j.attempts >= j.max_attempts then 'DEAD' else 'WAITING' end,
                          finished_at = case when j.attempts >= j.max_attempts then now() end,
                          lease = null, leased_until = null, error = 'the instance that did it has ended, or took too long'
          from gone where j.tenant_id = gone.tenant_id and j.id = gone.id
        returning j.id, j.kind, j.state";
    bounded(async {
        Ok(query_as("jobs.take_back", text)
            .bind(kinds())
            .fetch_all(connection)
            .await?)
    })
    .await
}

/// How many wait, run and are dead, of all tenants together, and for how many seconds the oldest has been due. What was
/// done or cancelled is counted as it ends: there may be very much of it. What is of no tenant is always there, and not
/// counted.
pub async fn standing(connection: &mut PgConnection) -> Result<([(JobState, i64); 3], f64)> {
    let text = "
        select (select count(*) from jobs where state = 'WAITING' and tenant_id <> ''),
               (select count(*) from jobs where state = 'RUNNING' and tenant_id <> ''),
               (select count(*) from jobs where state = 'DEAD'),
               coalesce(extract(epoch from now() - least(
                   (select run_at from jobs where state = 'WAITING' and kind = 'EMAIL' and run_at <= now() order by run_at limit 1),
                   (select run_at from jobs where state = 'WAITING' and kind = 'DIGEST' and run_at <= now() order by run_at limit 1),
                   (select run_at from jobs where state = 'WAITING' and kind not in ('EMAIL', 'DIGEST') and tenant_id <> ''
                       and run_at <= now() order by run_at limit 1)))::float8, 0)";
    bounded(async {
        let (waiting, running, dead, oldest): (i64, i64, i64, f64) =
            query_as("jobs.standing", text)
                .fetch_one(connection)
                .await?;
        let counts = [
            (JobState::Waiting, waiting),
            (JobState::Running, running),
            (JobState::Dead, dead),
        ];
        Ok((counts, oldest))
    })
    .await
}

/// Forgets what ended more than `days` ago, at most 5,000 of it. Gives how much that was.
pub async fn prune(connection: &mut PgConnection, days: i32) -> Result<u64> {
    let text = "
        delete from jobs where ctid in (
            select ctid from jobs where finished_at < now() - make_interval(days => $1) order by finished_at limit 5000)";
    let done = query("jobs.prune", text).bind(days).execute(connection);
    Ok(done.await?.rows_affected())
}

/// One that is held, for tests of what is done with it.
#[cfg(test)]
pub fn taken(attempts: i32) -> Taken {
    Taken {
        tenant: "default".to_owned(),
        id: Uuid::now_v7(),
        kind: JobKind::Message,
        key: None,
        user: None,
        payload: Value::Null,
        attempts,
        max_attempts: 3,
        lease: Uuid::new_v4(),
    }
}
