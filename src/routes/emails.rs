//! `/v1/emails`: what the host wants sent by e-mail, and what became of it.

use std::sync::Arc;

use chrono::Utc;
use rocket::{State, get, post};

use super::body::Body;
use super::params::{HeaderOf, PathId};
use super::respond::Json;
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Code, Error, Problem, Result};
use crate::jobs::Bell;
use crate::model::{Email, FieldCode, NewEmail, Time, UserKey};
use crate::store::{Db, emails};

/// Send an e-mail (`service`)
///
/// Accepted, and sent by a job: again, after growing pauses, while the SMTP server does not answer or answers 4xx, for
/// about a day; not again once it answered 5xx. Ask for it by its id. It may arrive twice where an instance is killed in the
/// moment after the server has taken it; both have one Message-ID. Repeated with the same `Idempotency-Key` it is the same
/// e-mail.
///
/// An e-mail for a `userId` has a link by which the person turns them off (`List-Unsubscribe`, one click); then, or without
/// an address, it ends `CANCELLED`.
#[utoipa::path(post, path = "/v1/emails", tag = "emails", operation_id = "sendEmail", request_body = NewEmail,
    params(("Idempotency-Key" = Option<String>, Header, description = "At most 128 characters")),
    responses(
        (status = 202, description = "Accepted", body = Email, headers(("Location" = String), ("Idempotency-Replayed" = bool))),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`email-off`: no `smtp_url` in the settings; `idempotency-mismatch`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields that are not acceptable; nobody by this `userId`, or no address", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/emails", data = "<body>")]
pub async fn send(
    me: AuthUser,
    body: Body<NewEmail>,
    headers: HeaderOf<'_>,
    db: &Db,
    config: &State<Config>,
    bell: &State<Arc<Bell>>,
) -> Result<Json<Email>> {
    me.require_service()?;
    if config.mail.smtp().is_none() {
        return Err(Code::EmailOff.into());
    }
    let Body(email) = body;
    if let Some(id) = &email.user_id {
        let user = UserKey::new(&me.key.tenant, id);
        let inbox = emails::inbox(db, &user).await?;
        let inbox = inbox.ok_or_else(|| Error::field("/userId", FieldCode::UserUnknown))?;
        if inbox.email.is_none() {
            return Err(Error::field("/userId", FieldCode::EmailUnknown));
        }
    }
    let is_due = email.deliver_at.is_none_or(|Time(at)| at <= Utc::now());
    let posted = emails::post(db, &me.key.tenant, email, headers.idempotency_key).await?;
    if is_due && !posted.replayed {
        bell.ring();
    }
    let location = format!("/v1/emails/{}", posted.email.id);
    let answer = Json::accepted(posted.email).with("Location", location);
    Ok(match posted.replayed {
        true => answer.with("Idempotency-Replayed", "true"),
        false => answer,
    })
}

/// What became of an e-mail (`service`)
///
/// Known for as long as its job is kept.
#[utoipa::path(get, path = "/v1/emails/{id}", tag = "emails", operation_id = "getEmail",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The e-mail", body = Email),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such e-mail", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/emails/<id>")]
pub async fn get(me: AuthUser, id: PathId, db: &Db) -> Result<Json<Email>> {
    me.require_service()?;
    let found = emails::get(db, &me.key.tenant, id.get()?).await?;
    found.map(Json::ok).ok_or_else(|| Code::NotFound.into())
}
