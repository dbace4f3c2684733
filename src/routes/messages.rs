//! Messages: send, page through, follow one conversation, and say how far one has read.

use std::sync::Arc;

use rocket::{State, get, post};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Body;
use super::feed::next_ms;
use super::params::{HeaderOf, PathId, Query};
use super::respond::{Json, Page, Polled};
use crate::auth::AuthUser;
use crate::error::{Code, Error, Problem, Result};
use crate::live::Live;
use crate::model::{Check, Cursor, FieldCode, Message, NewMessage, Problems, Receipt};
use crate::store::Db;
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::members::Read;
use crate::store::messages::{self, Range};
use crate::store::send::Send;
use crate::store::writer::Writer;

/// Send a message
///
/// Repeated with the same `clientMessageId` (or `Idempotency-Key`) it gives the message again. Without one, a 503 may
/// have been stored.
#[utoipa::path(post, path = "/v1/conversations/{id}/messages", tag = "messages", operation_id = "sendMessage", request_body = NewMessage,
    params(("id" = Uuid, Path), ("Idempotency-Key" = Option<String>, Header, description = "Instead of `clientMessageId`")),
    responses(
        (status = 201, description = "Stored", body = Message, headers(("Location" = String), ("Idempotency-Replayed" = bool))),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`idempotency-mismatch`, `conversation-closed`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations/<id>/messages", data = "<body>")]
pub async fn send(
    me: AuthUser,
    id: PathId,
    body: Body<NewMessage>,
    headers: HeaderOf<'_>,
    writer: &State<Writer>,
) -> Result<Json<Message>> {
    let send = Send::new(me.key, id.get()?, body.0, headers.idempotency_key);
    let Outcome::Sent(sent) = writer.write(Op::Send(Box::new(send))).await? else {
        return Err(mismatch());
    };
    let answer = Json::created(
        true,
        format!("/v1/messages/{}", sent.message.id),
        sent.message,
    );
    Ok(if sent.replayed {
        answer.with("Idempotency-Replayed", "true")
    } else {
        answer
    })
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
#[expect(
    clippy::too_many_arguments,
    reason = "each is a guard or a managed state"
)]
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

/// Following one conversation by its own cursor.
struct Follow<'r> {
    me: &'r AuthUser,
    id: Uuid,
    live: &'r Live,
    db: &'r Db,
    writer: &'r Writer,
}

impl Follow<'_> {
    async fn since(&self, since: &str, limit: i64, if_none_match: Option<&str>) -> Result<Polled> {
        let place = self.live.place().ok_or(Code::Unavailable)?;
        let since = match since {
            "0" => Cursor {
                position: 0,
                ..place
            },
            text => text.parse().map_err(|_| Code::InvalidCursor)?,
        };
        if since.epoch != place.epoch {
            return Err(Code::CursorExpired.into());
        }
        let feed = self.live.feed(self.db, &self.me.key).await?;
        let next_ms = next_ms(None, self.writer);
        // From memory when nothing has happened in this conversation after the cursor: no SQL.
        if let Some((last, _)) = feed
            .conversation(&self.id)
            .filter(|(last, _)| *last <= since.position)
        {
            let etag = self.etag(since, last);
            let known =
                if_none_match.is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
            let refresh = since.position < self.live.refresh_below();
            let cursor = Cursor {
                position: place.position.max(since.position),
                ..place
            };
            let body = if known && !refresh {
                None
            } else {
                Some(page(Vec::new(), false, cursor)?)
            };
            return Ok(Polled {
                body,
                etag,
                next_ms,
                is_idle: true,
            });
        }
        let found = messages::list(
            self.db,
            &self.me.key,
            self.id,
            Range::Since(since.position),
            limit,
        )
        .await?;
        if found.epoch != since.epoch || since.position > found.head {
            return Err(Code::CursorExpired.into());
        }
        let newest = found.items.last().map(|message| message.changed_position);
        let position = newest
            .filter(|_| found.has_more)
            .unwrap_or(found.head.max(newest.unwrap_or(0)));
        let cursor = Cursor {
            epoch: found.epoch,
            position,
        };
        let etag = self.etag(cursor, newest.unwrap_or(0));
        Ok(Polled {
            body: Some(page(found.items, found.has_more, cursor)?),
            etag,
            next_ms,
            is_idle: false,
        })
    }

    /// The same for every idle poll after one answer, whatever others write elsewhere.
    fn etag(&self, cursor: Cursor, last: i64) -> String {
        format!("W/\"{}-{}-{last}\"", cursor.epoch, self.id.simple())
    }
}

fn page(items: Vec<Message>, has_more: bool, cursor: Cursor) -> Result<Vec<u8>> {
    let page = Page {
        cursor: Some(cursor.to_string()),
        ..Page::linked(items, has_more, None)
    };
    Ok(serde_json::to_vec(&page)?)
}

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

/// How far the caller has read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadUpTo {
    /// A message's `seq`; absent = the newest.
    #[serde(default)]
    #[schema(minimum = 1)]
    up_to: Option<i64>,
}

impl Check for ReadUpTo {
    fn when_empty() -> Option<Self> {
        Some(Self::default())
    }

    fn check(&self, problems: &mut Problems) {
        problems.optional("upTo", self.up_to.as_ref(), |p, up_to| {
            if *up_to < 1 {
                p.add(FieldCode::OutOfRange);
            }
        });
    }
}

/// Read a conversation, up to a message or to its end
///
/// The horizon only moves forward, and is shared by all of the caller's devices.
#[utoipa::path(post, path = "/v1/conversations/{id}/read", tag = "messages", operation_id = "readConversation", request_body = ReadUpTo,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Where the horizon stands now", body = Receipt),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is no such `seq` yet", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations/<id>/read", data = "<body>")]
pub async fn read_conversation(
    me: AuthUser,
    id: PathId,
    body: Body<ReadUpTo>,
    writer: &State<Writer>,
) -> Result<Json<Receipt>> {
    read(me, id.get()?, body.0.up_to, writer).await
}

/// Read everything up to one message
#[utoipa::path(post, path = "/v1/messages/{id}/read", tag = "messages", operation_id = "readMessage",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Where the horizon stands now", body = Receipt),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/messages/<id>/read")]
pub async fn read_message(
    me: AuthUser,
    id: PathId,
    db: &Db,
    writer: &State<Writer>,
) -> Result<Json<Receipt>> {
    let message = messages::get(db, &me.key, id.get()?).await?;
    read(me, message.conversation_id, Some(message.seq), writer).await
}

async fn read(
    by: AuthUser,
    conversation: Uuid,
    up_to: Option<i64>,
    writer: &Writer,
) -> Result<Json<Receipt>> {
    match writer
        .write(Op::Read(Read {
            by: by.key,
            conversation,
            up_to,
        }))
        .await?
    {
        Outcome::Read(receipt) => Ok(Json::ok(receipt)),
        _ => Err(mismatch()),
    }
}
