//! `/v1/messages/{id}`: one message; editing and deleting it, what it said before, who has read it.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, delete, get, patch};
use uuid::Uuid;

use super::body::Body;
use super::conversations::{position, token};
use super::limits::Limits;
use super::members::{after, linked};
use super::params::{PathId, Query};
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Code, Problem, Result};
use crate::model::{EditedMessage, Message, MessageReceipt, Revision};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::edits::{Change, Edit};
use crate::store::writer::Writer;
use crate::store::{Db, message_receipts, messages, revisions};

/// One message
#[utoipa::path(get, path = "/v1/messages/{id}", tag = "messages", operation_id = "getMessage",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The message", body = Message),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/messages/<id>")]
pub async fn get(me: AuthUser, id: PathId, db: &Db) -> Result<Json<Message>> {
    Ok(Json::ok(messages::get(db, &me.key, id.get()?).await?))
}

/// Edit one's own message
///
/// What is left out stays. Every event that carries the message carries the new text from now on. `service` edits
/// SYSTEM messages, but no notices: those are the service's own.
#[utoipa::path(patch, path = "/v1/messages/{id}", tag = "messages", operation_id = "editMessage", request_body = EditedMessage,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "The message as it is now", body = Message),
        (status = 403, description = "Not the caller's own, or a notice", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`message-deleted`, `conversation-closed`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[patch("/messages/<id>", data = "<body>")]
pub async fn edit(
    me: AuthUser,
    id: PathId,
    body: Body<EditedMessage>,
    db: &Db,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Message>> {
    limits.send(&me)?;
    let (id, key, is_service) = (id.get()?, me.key.clone(), me.is_service);
    let message = change(me, id, Change::Edit(body.0), writer).await?;
    if is_service {
        return Ok(Json::ok(message));
    }
    // With how far it has come; to whoever was removed since, without: the edit is done, and 404 would say that it is not.
    match messages::get(db, &key, id).await {
        Err(error) if error.code == Code::NotFound => Ok(Json::ok(message)),
        read => Ok(Json::ok(read?)),
    }
}

/// Delete a message
///
/// One's own; of a group, any message for an ADMIN; any for `service`. A tombstone stays (`isDeleted`, `content` null):
/// what was said is gone, from memory and from the database.
#[utoipa::path(delete, path = "/v1/messages/{id}", tag = "messages", operation_id = "deleteMessage",
    params(("id" = Uuid, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "Not the caller's own", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/messages/<id>")]
pub async fn delete(
    me: AuthUser,
    id: PathId,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    change(me, id.get()?, Change::Delete, writer).await?;
    Ok(Status::NoContent)
}

async fn change(me: AuthUser, message: Uuid, change: Change, writer: &Writer) -> Result<Message> {
    let edit = Edit {
        by: me.key,
        by_service: me.is_service,
        message,
        change,
    };
    match writer.write(Op::Edit(edit)).await? {
        Outcome::Edited(message) => Ok(*message),
        _ => Err(mismatch()),
    }
}

/// What a message said before it was edited
///
/// Oldest first, of the last 30 days. For an ADMIN of the group, or `service`. A deletion takes them along.
#[utoipa::path(get, path = "/v1/messages/{id}/revisions", tag = "messages", operation_id = "listRevisions",
    params(
        ("id" = Uuid, Path),
        ("limit" = Option<i64>, Query, description = "Most rows", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Revision>),
        (status = 403, description = "Not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/messages/<id>/revisions")]
pub async fn list_revisions(
    me: AuthUser,
    id: PathId,
    query: Query,
    db: &Db,
) -> Result<Json<Page<Revision>>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(50);
    let after = position(&query)?.unwrap_or(0);
    let viewer = (!me.is_service).then_some(&me.key);
    let page = revisions::list(db, &me.key.tenant, viewer, id.get()?, after, limit).await?;
    let token = page.next.map(token);
    Ok(Json::ok(Page::linked(page.items, token.is_some(), token)))
}

/// Who has received and read a message, and when
///
/// Of those who were members when it was sent and still are, the sender excepted. DELIVERED is told of PRIVATE
/// conversations only. Whoever turned receipts off stays SENT.
#[utoipa::path(get, path = "/v1/messages/{id}/receipts", tag = "messages", operation_id = "listReceipts",
    params(
        ("id" = Uuid, Path),
        ("limit" = Option<i64>, Query, description = "Most rows", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "A page, in order of joining", body = Page<MessageReceipt>),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/messages/<id>/receipts")]
pub async fn list_receipts(
    me: AuthUser,
    id: PathId,
    query: Query,
    db: &Db,
    config: &State<Config>,
) -> Result<Json<Page<MessageReceipt>>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(100);
    let after = after(&query)?;
    let are_told = config.tenant(&me.key.tenant).receipts;
    let page = message_receipts::list(db, &me.key, id.get()?, are_told, after, limit).await?;
    Ok(Json::ok(linked(page.items, page.next)))
}
