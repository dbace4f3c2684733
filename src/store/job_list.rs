//! A tenant's jobs, for whoever runs its site: what there is, tried again, given up.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Db, bounded, cut, query, query_as};
use crate::error::{Code, Result};
use crate::model::{Job, JobCount, JobKind, JobPage, JobState};

/// Which jobs a page is of: all, where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct Which {
    pub state: Option<JobState>,
    pub kind: Option<JobKind>,
    /// Older than this one.
    pub before: Option<Uuid>,
}

/// How many there are, how late they are, and a page of them.
pub async fn page(db: &Db, tenant: &str, which: Which, limit: i64) -> Result<JobPage> {
    bounded(async {
        let mut connection = db.connection().await?;
        let mut items = list(&mut connection, tenant, &which, limit + 1).await?;
        let next = cut(&mut items, limit, |job| job.id);
        Ok(JobPage {
            counts: counts(&mut connection, tenant).await?,
            oldest_due_seconds: oldest_due(&mut connection, tenant).await?,
            items,
            has_more: next.is_some(),
            next_page_token: next.map(|id| id.to_string()),
        })
    })
    .await
}

fn states(of: Option<JobState>) -> Vec<String> {
    let all = JobState::ALL.iter().copied();
    let wanted = all.filter(|one| of.is_none_or(|of| of == *one));
    wanted.map(|one| one.as_str().to_owned()).collect()
}

fn kinds(of: Option<JobKind>) -> Vec<String> {
    let all = JobKind::ALL.iter().copied();
    let wanted = all.filter(|one| of.is_none_or(|of| of == *one));
    wanted.map(|one| one.as_str().to_owned()).collect()
}

/// Of each state and kind the newest, by the index: of the few that are dead among very many that are done, too.
async fn list(
    connection: &mut PgConnection,
    tenant: &str,
    which: &Which,
    limit: i64,
) -> Result<Vec<Job>> {
    let text = "
        select j.* from unnest($2::text[]) s (state) cross join unnest($3::text[]) k (kind)
         cross join lateral (
               select id, kind, state, user_id, run_at, attempts, max_attempts, error, created_at, finished_at
                 from jobs where tenant_id = $1 and state = s.state and kind = k.kind and id < $4
                order by id desc limit $5) j
         order by j.id desc limit $5";
    Ok(query_as("jobs.list", text)
        .bind(tenant.to_owned())
        .bind(states(which.state))
        .bind(kinds(which.kind))
        .bind(which.before.unwrap_or(Uuid::max()))
        .bind(limit)
        .fetch_all(connection)
        .await?)
}

async fn counts(connection: &mut PgConnection, tenant: &str) -> Result<Vec<JobCount>> {
    let text = "select kind, state, count(*) as count from jobs where tenant_id = $1 and kind = any($2) group by kind, state order by kind, state";
    Ok(query_as("jobs.counts", text)
        .bind(tenant.to_owned())
        .bind(kinds(None))
        .fetch_all(connection)
        .await?)
}

async fn oldest_due(connection: &mut PgConnection, tenant: &str) -> Result<Option<f64>> {
    let text = "
        select extract(epoch from now() - least(
            (select run_at from jobs where tenant_id = $1 and state = 'WAITING' and kind = 'EMAIL' and run_at <= now() order by run_at limit 1),
            (select run_at from jobs where tenant_id = $1 and state = 'WAITING' and kind = 'DIGEST' and run_at <= now() order by run_at limit 1),
            (select run_at from jobs where tenant_id = $1 and state = 'WAITING' and kind not in ('EMAIL', 'DIGEST') and run_at <= now()
              order by run_at limit 1)))::float8";
    let (seconds,): (Option<f64>,) = query_as("jobs.oldest_due", text)
        .bind(tenant.to_owned())
        .fetch_one(connection)
        .await?;
    Ok(seconds)
}

/// From the beginning, now: one that is dead or cancelled, and still knows what it is about.
pub async fn retry(db: &Db, tenant: &str, id: Uuid) -> Result<Job> {
    let text = "
        update jobs set state = 'WAITING', run_at = now(), attempts = 0, finished_at = null
         where tenant_id = $1 and id = $2 and state in ('DEAD', 'CANCELLED') and payload <> '{}'
        returning id, kind, state, user_id, run_at, attempts, max_attempts, error, created_at, finished_at";
    bounded(async {
        let mut connection = db.connection().await?;
        let job: Option<Job> = query_as("jobs.retry", text)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        match job {
            Some(job) => Ok(job),
            None => Err(not_there_or(&mut connection, tenant, id, Code::JobNotEnded).await?),
        }
    })
    .await
}

/// It will not be done. What it is about is kept, so that it can be tried again: but of a reminder, which is cancelled with its
/// job, for good.
pub async fn cancel(db: &Db, tenant: &str, id: Uuid) -> Result<Job> {
    let text = "
        with job as (
            update jobs set state = 'CANCELLED', finished_at = now(), payload = case kind when 'REMINDER' then '{}' else payload end
             where tenant_id = $1 and id = $2 and state = 'WAITING'
            returning id, kind, key, state, user_id, run_at, attempts, max_attempts, error, created_at, finished_at
        ), reminder as (
            update reminders r set state = 'CANCELLED', finished_at = now() from job
             where r.tenant_id = $1 and r.id = case job.kind when 'REMINDER' then job.key::uuid end and r.state = 'WAITING'
        )
        select id, kind, state, user_id, run_at, attempts, max_attempts, error, created_at, finished_at from job";
    bounded(async {
        let mut connection = db.connection().await?;
        let job: Option<Job> = query_as("jobs.cancel", text)
            .bind(tenant.to_owned())
            .bind(id)
            .fetch_optional(&mut *connection)
            .await?;
        match job {
            Some(job) => Ok(job),
            None => Err(not_there_or(&mut connection, tenant, id, Code::JobStarted).await?),
        }
    })
    .await
}

/// Why nothing was changed.
async fn not_there_or(
    connection: &mut PgConnection,
    tenant: &str,
    id: Uuid,
    code: Code,
) -> Result<crate::error::Error> {
    let text = "select 1 from jobs where tenant_id = $1 and id = $2";
    let found = query("jobs.is_there", text)
        .bind(tenant.to_owned())
        .bind(id)
        .fetch_optional(connection)
        .await?;
    Ok(found.map_or(Code::NotFound, |_| code).into())
}
