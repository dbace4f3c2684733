//! Jobs: put, taken by one instance at a time, ended. Times are Postgres' own, so that instances need not agree on one.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::{bounded, query, query_as};
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
    leased_by: Uuid,
}

/// What becomes of it.
#[derive(Debug, Clone)]
pub enum Ending {
    Done,
    /// Tried again after a while, unless that was the last attempt.
    Again(Duration, String),
    /// Not an attempt: it is not yet time.
    Later(DateTime<Utc>),
    Dead(String),
    Cancelled,
    /// The same, and why.
    CancelledFor(String),
}

/// Puts jobs; those whose key is there already are not put again. In the caller's transaction, where there is one.
pub async fn put(connection: &mut PgConnection, jobs: &[NewJob]) -> Result<()> {
    let column = |pick: fn(&NewJob) -> Option<String>| jobs.iter().map(pick).collect::<Vec<_>>();
    query("jobs.put", "
        insert into jobs (tenant_id, id, kind, key, user_id, payload, run_at, max_attempts)
        select * from unnest($1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::timestamptz[], $8::int[])
        on conflict do nothing")
        .bind(column(|job| Some(job.tenant.clone())))
        .bind(jobs.iter().map(|_| Uuid::now_v7()).collect::<Vec<_>>())
        .bind(column(|job| Some(job.kind.as_str().to_owned())))
        .bind(column(|job| job.key.clone()))
        .bind(column(|job| job.user.clone()))
        .bind(jobs.iter().map(|job| job.payload.clone()).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.run_at).collect::<Vec<_>>())
        .bind(jobs.iter().map(|job| job.max_attempts).collect::<Vec<_>>())
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes at most `limit` jobs whose time has come, the oldest first, for the instance `by`, until `lease` has passed.
pub async fn take(pool: &PgPool, by: Uuid, lease: Duration, limit: i64) -> Result<Vec<Taken>> {
    let text = "
        with due as (
            select tenant_id, id from jobs where state = 'WAITING' and run_at <= now()
             order by run_at limit $3 for update skip locked
        )
        update jobs j set state = 'RUNNING', attempts = j.attempts + 1, leased_by = $1,
                          leased_until = now() + make_interval(secs => $2)
          from due where j.tenant_id = due.tenant_id and j.id = due.id
        returning j.tenant_id, j.id, j.kind, j.key, j.user_id, j.payload, j.attempts, j.max_attempts, j.leased_by";
    bounded(async {
        let mut connection = pool.acquire().await?;
        Ok(query_as("jobs.take", text)
            .bind(by)
            .bind(lease.as_secs_f64())
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// Says how it ended, unless its lease was lost meanwhile. Gives whether it was still this instance's.
pub async fn end(pool: &PgPool, job: &Taken, ending: &Ending) -> Result<bool> {
    let (mut state, mut after, mut at, mut error) = (JobState::Waiting, None, None, None);
    match ending {
        Ending::Done => state = JobState::Done,
        Ending::Cancelled => state = JobState::Cancelled,
        Ending::CancelledFor(why) => (state, error) = (JobState::Cancelled, Some(why.clone())),
        Ending::Dead(why) => (state, error) = (JobState::Dead, Some(why.clone())),
        Ending::Again(_, why) if job.attempts >= job.max_attempts => {
            (state, error) = (JobState::Dead, Some(why.clone()));
        }
        Ending::Again(wait, why) => {
            (after, error) = (Some(wait.as_secs_f64()), Some(why.clone()));
        }
        Ending::Later(time) => at = Some(*time),
    }
    let text = "
        update jobs set state = $5, leased_by = null, leased_until = null, error = coalesce($8, error),
                        attempts = attempts - case when $7::timestamptz is null then 0 else 1 end,
                        run_at = coalesce(now() + make_interval(secs => $6), $7, run_at),
                        finished_at = case when $5 = 'WAITING' then null else now() end
         where tenant_id = $1 and id = $2 and state = 'RUNNING' and leased_by = $3 and attempts = $4";
    bounded(async {
        let mut connection = pool.acquire().await?;
        let done = query("jobs.end", text)
            .bind(job.tenant.clone())
            .bind(job.id)
            .bind(job.leased_by)
            .bind(job.attempts)
            .bind(state.as_str())
            .bind(after)
            .bind(at)
            .bind(error)
            .execute(&mut *connection)
            .await?;
        Ok(done.rows_affected() > 0)
    })
    .await
}

/// Gives back what instances held that are gone: its time is now, or over, where that was its last attempt.
pub async fn take_back(pool: &PgPool) -> Result<u64> {
    let text = "
        update jobs set state = case when attempts >= max_attempts then 'DEAD' else 'WAITING' end,
                        finished_at = case when attempts >= max_attempts then now() end,
                        leased_by = null, leased_until = null, error = 'the instance that did it has ended, or took too long'
         where state = 'RUNNING' and leased_until < now()";
    bounded(async {
        let mut connection = pool.acquire().await?;
        let done = query("jobs.take_back", text)
            .execute(&mut *connection)
            .await?;
        Ok(done.rows_affected())
    })
    .await
}
