//! `/v1/admin/jobs`: the queue, for whoever runs the site.

use std::sync::Arc;

use rocket::{State, get, post};

use super::params::{PathId, Query};
use super::respond::Json;
use crate::auth::AuthUser;
use crate::error::{Error, Problem, Result};
use crate::jobs::Bell;
use crate::model::{FieldCode, Job, JobKind, JobPage, JobState, uuid};
use crate::store::Db;
use crate::store::job_list::{self, Which};

/// What is to be done, and what became of it (`service`)
///
/// Of the caller's tenant. How many jobs there are of each kind and state, how late the oldest is, and the jobs, the newest
/// first. What ended is kept for a week.
#[utoipa::path(get, path = "/v1/admin/jobs", tag = "operations", operation_id = "listJobs",
    params(
        ("state" = Option<JobState>, Query, description = "Those in this state"),
        ("kind" = Option<JobKind>, Query, description = "Those of this kind"),
        ("limit" = Option<i64>, Query, description = "Most jobs", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "The queue, and a page of it", body = JobPage),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/admin/jobs")]
pub async fn list(me: AuthUser, query: Query, db: &Db) -> Result<Json<JobPage>> {
    me.require_service()?;
    let before = query.text("pageToken")?;
    let wrong = || Error::parameter("pageToken", FieldCode::InvalidValue);
    let before = before
        .map(|text| uuid(&text).ok_or_else(wrong))
        .transpose()?;
    let which = Which {
        state: named(&query, "state")?,
        kind: named(&query, "kind")?,
        before,
    };
    let limit = query.number("limit", 1, 100)?.unwrap_or(50);
    let page = job_list::page(db, &me.key.tenant, which, limit).await?;
    Ok(Json::ok(page))
}

fn named<T: TryFrom<String>>(query: &Query, name: &str) -> Result<Option<T>> {
    let text = query.text(name)?;
    let wrong = |_| Error::parameter(name, FieldCode::InvalidValue);
    text.map(|text| T::try_from(text).map_err(wrong))
        .transpose()
}

/// Try a job again (`service`)
///
/// One that is dead or cancelled: from its first attempt on, now.
#[utoipa::path(post, path = "/v1/admin/jobs/{id}/retry", tag = "operations", operation_id = "retryJob",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The job, which waits", body = Job),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`job-not-ended`: it waits, runs or is done; or whoever put it took it back", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/admin/jobs/<id>/retry")]
pub async fn retry(
    me: AuthUser,
    id: PathId,
    db: &Db,
    bell: &State<Arc<Bell>>,
) -> Result<Json<Job>> {
    me.require_service()?;
    let job = job_list::retry(db, &me.key.tenant, id.get()?).await?;
    bell.ring();
    Ok(Json::ok(job))
}

/// Give up a job (`service`)
///
/// One that waits. It can be tried again for a week; not a reminder's, which is cancelled with its job.
#[utoipa::path(post, path = "/v1/admin/jobs/{id}/cancel", tag = "operations", operation_id = "cancelJob",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The job, which will not be done", body = Job),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such job", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`job-started`: it runs, or has ended", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/admin/jobs/<id>/cancel")]
pub async fn cancel(me: AuthUser, id: PathId, db: &Db) -> Result<Json<Job>> {
    me.require_service()?;
    let job = job_list::cancel(db, &me.key.tenant, id.get()?).await?;
    Ok(Json::ok(job))
}
