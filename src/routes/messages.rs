//! `/v1/conversations/{id}/messages`: send, page through, follow one conversation.

use std::sync::Arc;

use rocket::{State, get, post};

use super::body::Body;
use super::follow::Follow;
use super::limits::Limits;
use super::params::{HeaderOf, PathId, Query};
use super::respond::{Json, Page, Polled};
use crate::auth::AuthUser;
use crate::error::{Code, Error, Problem, Result};
use crate::live::Live;
use crate::model::{FieldCode, Message, MessageStatus, MessageType, NewMessage, ScheduledMessage};
use crate::store::Db;
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::messages::{self, Range};
use crate::store::scheduled::{self, Placed};
use crate::store::send::Send;
use crate::store::writer::Writer;

/// Send a message
///
/// Repeated with the same `clientMessageId` (or `Idempotency-Key`) it gives the message again. Without one, a 503 may
/// have been stored. From `service` it is a SYSTEM message, without a sender.
///
/// With `deliverAt` it is sent then, within two seconds, once; or when the service runs again, if it did not run at that
/// time. Repeated under its key it gives the scheduled message again and, once that is sent, the message. Sent under that key
/// without `deliverAt`, it is sent now, and not again. Whoever has left by then has not sent it.
#[utoipa::path(post, path = "/v1/conversations/{id}/messages", tag = "messages", operation_id = "sendMessage", request_body = NewMessage,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Instead of `clientMessageId`")),
    responses(
        (status = 201, description = "Stored", body = Message, headers(("Location" = String), ("Idempotency-Replayed" = bool))),
        (status = 202, description = "Scheduled", body = ScheduledMessage, headers(("Idempotency-Replayed" = bool))),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency-mismatch`, `conversation-closed`, `schedule-cancelled`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields that are not acceptable; `too-many-scheduled`: a hundred wait already", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`: 10 a second, 20 at once, unless the site says otherwise", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations/<id>/messages", data = "<body>")]
pub async fn send(
    me: AuthUser,
    id: PathId,
    body: Body<NewMessage>,
    headers: HeaderOf<'_>,
    db: &Db,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<SendAnswer> {
    limits.send(&me)?;
    let mut send = Send::new(me.key.clone(), id.get()?, body.0, headers.idempotency_key);
    if me.is_service {
        send.r#type = MessageType::System;
    }
    let mut is_repeated = false;
    if let Some(at) = send.message.deliver_at {
        match scheduled::put(db, &send, at).await? {
            Placed::Waits(waiting, is_replay) => {
                let answer = replayed(Json::accepted(*waiting), is_replay);
                return Ok(SendAnswer::Scheduled(Box::new(answer)));
            }
            Placed::IsDue(id) => {
                send.id = id.unwrap_or(send.id);
                is_repeated = id.is_some();
            }
        }
    }
    let Outcome::Sent(mut sent) = writer.write(Op::Send(Box::new(send))).await? else {
        return Err(mismatch());
    };
    sent.replayed |= is_repeated;
    if sent.replayed && !me.is_service {
        // With how far it has come; to whoever was removed since, without: it is stored, and 404 would say that it is not.
        match messages::get(db, &me.key, sent.message.id).await {
            Err(error) if error.code == Code::NotFound => {}
            read => sent.message = read?,
        }
    } else if !me.is_service {
        sent.message.status = Some(MessageStatus::Sent);
    }
    let location = format!("/v1/messages/{}", sent.message.id);
    let answer = Json::created(true, location, sent.message);
    let answer = replayed(answer, sent.replayed);
    Ok(SendAnswer::Sent(Box::new(answer)))
}

fn replayed<T>(answer: Json<T>, is_replay: bool) -> Json<T> {
    match is_replay {
        true => answer.with("Idempotency-Replayed", "true"),
        false => answer,
    }
}

#[derive(rocket::Responder)]
pub enum SendAnswer {
    Sent(Box<Json<Message>>),
    Scheduled(Box<Json<ScheduledMessage>>),
}

/// Messages of a conversation
///
/// The newest, or those `before` or `after` a `seq`, oldest first. With `since`, what is new **and changed**, in order
/// of last change: a page may follow one conversation by it, with `ETag` and 304.
#[utoipa::path(get, path = "/v1/conversations/{id}/messages", tag = "messages", operation_id = "listMessages",
    params(
        ("id" = Uuid, Path),
        ("before" = Option<i64>, Query, description = "The newest below this `seq`"),
        ("after" = Option<i64>, Query, description = "The oldest above this `seq`"),
        ("since" = Option<String>, Query, description = "A cursor, or `0`"),
        ("limit" = Option<i64>, Query, description = "Most messages", minimum = 1, maximum = 200),
        ("page" = Option<i64>, Query, description = "Numbered pages instead, 1 = the newest: `{items, page, limit, total}`", minimum = 1, maximum = 100),
        ("If-None-Match" = Option<String>, Header, description = "With `since`: the `ETag` of the last answer"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Message>),
        (status = 304, description = "With `since`: nothing new"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 410, description = "The cursor is of another log", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/conversations/<id>/messages")]
pub async fn list(
    me: AuthUser,
    id: PathId,
    query: Query,
    headers: HeaderOf<'_>,
    live: &State<Arc<Live>>,
    db: &Db,
    writer: &State<Writer>,
) -> Result<ListAnswer> {
    let id = id.get()?;
    let limit = query.number("limit", 1, 200)?.unwrap_or(50);
    let page = query.number("page", 1, 100)?;
    let (before, after) = (
        query.number("before", 0, i64::MAX)?,
        query.number("after", 0, i64::MAX)?,
    );
    let since = query.text("since")?;
    if [
        before.is_some(),
        after.is_some(),
        since.is_some(),
        page.is_some(),
    ]
    .iter()
    .filter(|given| **given)
    .count()
        > 1
    {
        return Err(Error::parameter("since", FieldCode::InvalidValue));
    }
    if let Some(since) = since {
        let follow = Follow {
            me: &me,
            id,
            live,
            db,
            writer,
        };
        return follow
            .since(&since, limit, headers.if_none_match)
            .await
            .map(ListAnswer::Polled);
    }
    let range = match (before, after, page) {
        (Some(seq), ..) => Range::Before(seq),
        (_, Some(seq), _) => Range::After(seq),
        (_, _, Some(page)) => Range::Offset((page - 1) * limit),
        _ => Range::Newest,
    };
    let found = messages::list(db, &me.key, id, range, limit).await?;
    let answer = match page {
        Some(page) => Page::numbered(found.items, page, limit, found.total),
        None => Page::linked(found.items, found.has_more, None),
    };
    Ok(ListAnswer::Page(Box::new(Json::ok(answer))))
}

#[derive(rocket::Responder)]
pub enum ListAnswer {
    Page(Box<Json<Page<Message>>>),
    Polled(Polled),
}
