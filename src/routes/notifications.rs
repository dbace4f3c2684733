//! `/v1/notifications`: what the host tells people, and what they have read of it.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, delete, get, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::body::Body;
use super::limits::Limits;
use super::params::{HeaderOf, PathId, Query};
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::config::{Config, UnknownUsers};
use crate::error::{Code, Error, Problem, Result};
use crate::model::{Channel, FieldCode, NewNotification, Notification, Position};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::notified::{Mark, STEP, What};
use crate::store::notify::Notify;
use crate::store::writer::Writer;
use crate::store::{Db, notifications};

/// A page of one's notifications, newest first.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPage {
    #[serde(flatten)]
    pub page: Page<Notification>,
    /// In all.
    pub unread_count: i64,
}

/// Tell people something (`service`)
///
/// One notification for each person that is named. Live in their feeds as `notification.created`. With `deliverAt` they are
/// shown at that time. Repeated with the same `Idempotency-Key` and the same body it gives the same ones.
#[utoipa::path(post, path = "/v1/notifications", tag = "notifications", operation_id = "createNotifications", request_body = NewNotification,
    params(("Idempotency-Key" = Option<String>, Header, description = "Chosen by the caller; remembered for 30 days")),
    responses(
        (status = 201, description = "One for each person, in the order given; those left out who do not want to see this type, and all where it goes by e-mail alone", body = Page<Notification>, headers(("Idempotency-Replayed" = bool))),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency-mismatch`; `email-off`: no `smtp_url` in the settings", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`user-unknown`, naming whom; or fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/notifications", data = "<body>")]
pub async fn create(
    me: AuthUser,
    body: Body<NewNotification>,
    headers: HeaderOf<'_>,
    config: &State<Config>,
    db: &Db,
    writer: &State<Writer>,
) -> Result<Json<Page<Notification>>> {
    me.require_service()?;
    if body.0.goes_by(Channel::Email) && config.mail.smtp().is_none() {
        return Err(Code::EmailOff.into());
    }
    let make_unknown = config.unknown_users == UnknownUsers::Create;
    let tenant = me.key.tenant.clone();
    let notify = Notify::new(me.key, body.0, headers.idempotency_key, make_unknown);
    let Outcome::Notified(made) = writer.write(Op::Notify(Box::new(notify))).await? else {
        return Err(mismatch());
    };
    let items = notifications::some(db, &tenant, &made.ids).await?;
    let page = Page::linked(items, false, None);
    let answer = Json::created(true, "/v1/notifications".to_owned(), page);
    Ok(if made.replayed {
        answer.with("Idempotency-Replayed", "true")
    } else {
        answer
    })
}

/// One's notifications, newest first
#[utoipa::path(get, path = "/v1/notifications", tag = "notifications", operation_id = "listNotifications",
    params(
        ("unread" = Option<bool>, Query, description = "Only those that are not read"),
        ("limit" = Option<i64>, Query, description = "Most rows", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses((status = 200, description = "A page", body = NotificationPage)))]
#[get("/notifications")]
pub async fn list(me: AuthUser, query: Query, db: &Db) -> Result<Json<NotificationPage>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(20);
    let unread = query.flag("unread")?;
    let before = before(&query)?;
    let found = notifications::list(db, &me.key, unread, before, limit).await?;
    let token = found.next.map(|position| format!("n{position}"));
    Ok(Json::ok(NotificationPage {
        page: Page::linked(found.items, token.is_some(), token),
        unread_count: found.unread,
    }))
}

fn before(query: &Query) -> Result<Option<Position>> {
    let Some(token) = query.text("pageToken")? else {
        return Ok(None);
    };
    let position = token.strip_prefix('n').and_then(|text| text.parse().ok());
    let position = position.filter(|position| *position > 0);
    match position {
        Some(position) => Ok(Some(position)),
        None => Err(Error::parameter("pageToken", FieldCode::InvalidValue)),
    }
}

/// One is read
///
/// One's other devices are told by `notification.read`.
#[utoipa::path(post, path = "/v1/notifications/{id}/read", tag = "notifications", operation_id = "readNotification",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Read, now or before"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/notifications/<id>/read")]
pub async fn read(
    me: AuthUser,
    id: PathId,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    // Only one's own: the host has read nothing for anybody.
    mark(writer, &me, What::Read(id.get()?), false).await?;
    Ok(Status::NoContent)
}

/// All are read
#[utoipa::path(post, path = "/v1/notifications/read-all", tag = "notifications", operation_id = "readAllNotifications",
    responses(
        (status = 204, description = "Everything that was shown so far is read"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/notifications/read-all")]
pub async fn read_all(
    me: AuthUser,
    db: &Db,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    // What is shown while this goes on, nobody has seen yet.
    let Some(newest) = notifications::newest(db, &me.key).await? else {
        return Ok(Status::NoContent);
    };
    while mark(writer, &me, What::AllRead(newest), false).await? >= STEP as u64 {}
    Ok(Status::NoContent)
}

/// Delete one
///
/// One's own; a `service` anybody's, also before its time has come.
#[utoipa::path(delete, path = "/v1/notifications/{id}", tag = "notifications", operation_id = "deleteNotification",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Gone"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/notifications/<id>")]
pub async fn delete(
    me: AuthUser,
    id: PathId,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    mark(writer, &me, What::Deleted(id.get()?), me.is_service).await?;
    Ok(Status::NoContent)
}

async fn mark(writer: &Writer, me: &AuthUser, what: What, by_service: bool) -> Result<u64> {
    let by = me.key.clone();
    let mark = Mark {
        by,
        by_service,
        what,
    };
    match writer.write(Op::Mark(mark)).await? {
        Outcome::Marked(count) => Ok(count),
        _ => Err(mismatch()),
    }
}
