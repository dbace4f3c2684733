//! `/v1/reminders`: what the host wants people reminded of at a time.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rocket::http::Status;
use rocket::{State, delete, get, post};

use super::body::Body;
use super::params::{HeaderOf, PathId, Query};
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::config::{Config, UnknownUsers};
use crate::error::{Code, Error, Problem, Result};
use crate::jobs::Bell;
use crate::model::{Channel, FieldCode, NewReminder, Reminder, ReminderState, uuid};
use crate::store::Db;
use crate::store::new_reminders::{self, Create};
use crate::store::reminders::{self, After};

/// Remind people of something at a time (`service`)
///
/// At that time each of them gets a notification, once, whatever stops and starts meanwhile. One that was due while nothing ran
/// comes at the start, or not any more from `expiresAt` on. Repeated with the same `Idempotency-Key` it gives the same reminder.
#[utoipa::path(post, path = "/v1/reminders", tag = "notifications", operation_id = "createReminder", request_body = NewReminder,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the caller; remembered for 30 days")),
    responses(
        (status = 201, description = "It waits for its time", body = Reminder, headers(("Idempotency-Replayed" = bool))),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency-mismatch`; `email-off`: no `smtp_url` in the settings", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`user-unknown`, naming whom; or fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/reminders", data = "<body>")]
pub async fn create(
    me: AuthUser,
    body: Body<NewReminder>,
    headers: HeaderOf<'_>,
    config: &State<Config>,
    db: &Db,
    bell: &State<Arc<Bell>>,
) -> Result<Json<Reminder>> {
    me.require_service()?;
    if body.0.channels.contains(&Channel::Email) && config.mail.smtp().is_none() {
        return Err(Code::EmailOff.into());
    }
    let ask = Create {
        tenant: &me.key.tenant,
        reminder: &body.0,
        key: headers.idempotency_key,
        make_unknown: config.unknown_users == UnknownUsers::Create,
    };
    let (reminder, replayed) = new_reminders::create(db, &ask).await?;
    if reminder.at.0 <= Utc::now() {
        bell.ring();
    }
    let place = format!("/v1/reminders/{}", reminder.id);
    let answer = Json::created(true, place, reminder);
    Ok(if replayed {
        answer.with("Idempotency-Replayed", "true")
    } else {
        answer
    })
}

/// The tenant's reminders, the soonest first (`service`)
///
/// What is finished is kept for 30 days.
#[utoipa::path(get, path = "/v1/reminders", tag = "notifications", operation_id = "listReminders",
    params(
        ("state" = Option<ReminderState>, Query, description = "Those in this state"),
        ("limit" = Option<i64>, Query, description = "Most reminders", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Reminder>),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/reminders")]
pub async fn list(me: AuthUser, query: Query, db: &Db) -> Result<Json<Page<Reminder>>> {
    me.require_service()?;
    let wrong = |_| Error::parameter("state", FieldCode::InvalidValue);
    let state = query.text("state")?;
    let state = state
        .map(|text| ReminderState::try_from(text).map_err(wrong))
        .transpose()?;
    let limit = query.number("limit", 1, 100)?.unwrap_or(50);
    let after = after(&query)?;
    let (items, next) = reminders::list(db, &me.key.tenant, state, after, limit).await?;
    let token = next.map(|after| format!("r{}-{}", after.at.timestamp_micros(), after.id));
    Ok(Json::ok(Page::linked(items, token.is_some(), token)))
}

/// `r`, microseconds (below zero before 1970), `-`, and an id of 36 characters.
fn after(query: &Query) -> Result<Option<After>> {
    let Some(token) = query.text("pageToken")? else {
        return Ok(None);
    };
    let parts = token.strip_prefix('r').and_then(|rest| {
        let (at, id) = rest.split_at_checked(rest.len().checked_sub(36)?)?;
        let at = at.strip_suffix('-')?.parse().ok()?;
        Some(After {
            at: DateTime::from_timestamp_micros(at).filter(is_kept)?,
            id: uuid(id)?,
        })
    });
    match parts {
        Some(after) => Ok(Some(after)),
        None => Err(Error::parameter("pageToken", FieldCode::InvalidValue)),
    }
}

/// Of the years that a reminder can be of: Postgres knows no others from long before.
fn is_kept(at: &DateTime<Utc>) -> bool {
    use chrono::Datelike;
    (0..=9999).contains(&at.year())
}

/// One reminder (`service`)
#[utoipa::path(get, path = "/v1/reminders/{id}", tag = "notifications", operation_id = "getReminder",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The reminder", body = Reminder),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or finished 30 days ago", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/reminders/<id>")]
pub async fn get(me: AuthUser, id: PathId, db: &Db) -> Result<Json<Reminder>> {
    me.require_service()?;
    let reminder = reminders::get(db, &me.key.tenant, id.get()?).await?;
    Ok(Json::ok(reminder))
}

/// Not to remind anybody (`service`)
#[utoipa::path(delete, path = "/v1/reminders/{id}", tag = "notifications", operation_id = "cancelReminder",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Nobody will be reminded"),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or finished 30 days ago", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`job-started`: it has fired, or expired", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/reminders/<id>")]
pub async fn cancel(me: AuthUser, id: PathId, db: &Db) -> Result<Status> {
    me.require_service()?;
    reminders::cancel(db, &me.key.tenant, id.get()?).await?;
    Ok(Status::NoContent)
}
