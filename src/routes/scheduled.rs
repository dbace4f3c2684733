//! `/v1/scheduled-messages`: what waits to be sent.

use std::sync::Arc;

use chrono::DateTime;
use rocket::http::Status;
use rocket::{State, delete, get};
use uuid::Uuid;

use super::limits::Limits;
use super::params::{PathId, Query};
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::error::{Error, Problem, Result};
use crate::model::{FieldCode, ScheduledMessage, uuid};
use crate::store::Db;
use crate::store::scheduled::{self, After};

/// One's own messages that wait to be sent
///
/// The soonest first. `service` sees those that it scheduled.
#[utoipa::path(get, path = "/v1/scheduled-messages", tag = "messages", operation_id = "listScheduledMessages",
    params(
        ("conversationId" = Option<Uuid>, Query, description = "Those of this conversation"),
        ("limit" = Option<i64>, Query, description = "Most messages", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses((status = 200, description = "A page", body = Page<ScheduledMessage>)))]
#[get("/scheduled-messages")]
pub async fn list(me: AuthUser, query: Query, db: &Db) -> Result<Json<Page<ScheduledMessage>>> {
    let wrong = || Error::parameter("conversationId", FieldCode::InvalidValue);
    let conversation = query.text("conversationId")?;
    let conversation = conversation
        .map(|text| uuid(&text).ok_or_else(wrong))
        .transpose()?;
    let limit = query.number("limit", 1, 100)?.unwrap_or(50);
    let after = after(&query)?;
    let (items, next) = scheduled::list(db, &me.key, conversation, after, limit).await?;
    let token = next.map(|after| format!("s{}-{}", after.run_at.timestamp_micros(), after.id));
    Ok(Json::ok(Page::linked(items, token.is_some(), token)))
}

fn after(query: &Query) -> Result<After> {
    let Some(token) = query.text("pageToken")? else {
        return Ok(After {
            run_at: DateTime::UNIX_EPOCH,
            id: Uuid::nil(),
        });
    };
    let parts = token
        .strip_prefix('s')
        .and_then(|rest| rest.split_once('-'));
    let after = parts.and_then(|(at, id)| {
        Some(After {
            run_at: DateTime::from_timestamp_micros(at.parse().ok()?)?,
            id: uuid(id)?,
        })
    });
    after.ok_or_else(|| Error::parameter("pageToken", FieldCode::InvalidValue))
}

/// Not to send a message
///
/// Nothing of it is kept. Its key stays taken for a week.
#[utoipa::path(delete, path = "/v1/scheduled-messages/{id}", tag = "messages", operation_id = "cancelScheduledMessage",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "It will not be sent"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`job-started`: it is being sent, or was", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/scheduled-messages/<id>")]
pub async fn cancel(
    me: AuthUser,
    id: PathId,
    db: &Db,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    scheduled::cancel(db, &me.key, id.get()?).await?;
    Ok(Status::NoContent)
}
