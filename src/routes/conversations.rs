//! `/v1/conversations`: create or get, list, read, change, delete.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, delete, get, patch, post};

use super::body::Body;
use super::limits::Limits;
use super::params::{PathId, Query};
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::config::{Config, UnknownUsers};
use crate::error::{Code, Error, Problem, Result};
use crate::live::Live;
use crate::model::{
    ChangedConversation, Conversation, FieldCode, MemberStatus, NewConversation, Position,
};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::changes::{Alter, Change, Update};
use crate::store::conversations::{self, Filter};
use crate::store::create::Create;
use crate::store::status::{Aside, Put};
use crate::store::writer::Writer;
use crate::store::{Db, bounded};

/// Create a conversation, or get the one there is
///
/// One per pair and context (PRIVATE), per unique context (`service`), or per `key` (GROUP). 201 the first time, then 200.
#[utoipa::path(post, path = "/v1/conversations", tag = "conversations", operation_id = "createConversation", request_body = NewConversation,
    responses(
        (status = 201, description = "Created", body = Conversation, headers(("Location" = String))),
        (status = 200, description = "It was there already", body = Conversation, headers(("Location" = String))),
        (status = 403, description = "`service-only`: a `systemMessage`, or `context.unique`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`key-taken`, `conversation-closed`, `idempotency-mismatch`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`user-unknown`, naming whom, or fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-conversations`: 30 new ones an hour, unless the site says otherwise; `too-many-sends`", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations", data = "<body>")]
pub async fn create(
    me: AuthUser,
    body: Body<NewConversation>,
    db: &Db,
    writer: &State<Writer>,
    config: &State<Config>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Conversation>> {
    let make_unknown = config.unknown_users == UnknownUsers::Create;
    if let Some(organization) = &body.0.organization_id
        && !me.is_service
        && !me.organizations.contains(organization)
    {
        return Err(Error::field(
            "/organizationId",
            FieldCode::OrganizationUnknown,
        ));
    }
    let create = Create::new(me.key.clone(), me.is_service, body.0, make_unknown)?;
    limits.create(&me, &create, db).await?;
    let Outcome::Created(created) = writer.write(Op::Create(Box::new(create))).await? else {
        return Err(mismatch());
    };
    let conversation = read(&me, created.id, db).await?;
    Ok(Json::created(
        created.is_new,
        format!("/v1/conversations/{}", created.id),
        conversation,
    ))
}

/// To a member with its own side of it; to the host's backend without.
async fn read(me: &AuthUser, id: uuid::Uuid, db: &Db) -> Result<Conversation> {
    if me.is_service {
        conversations::get_for_service(db, &me.key.tenant, id).await
    } else {
        conversations::get(db, &me.key, id).await
    }
}

/// The caller's conversations, newest activity first
#[utoipa::path(get, path = "/v1/conversations", tag = "conversations", operation_id = "listConversations",
    params(
        ("contextType" = Option<String>, Query, description = "Only about this type of thing"),
        ("contextId" = Option<String>, Query, description = "Only about this thing"),
        ("organizationId" = Option<String>, Query, description = "Only of this organisation"),
        ("status" = Option<String>, Query, description = "`ACTIVE` (the default), or `ARCHIVED`"),
        ("unread" = Option<bool>, Query, description = "Only with something unread"),
        ("limit" = Option<i64>, Query, description = "Most rows", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
        ("page" = Option<i64>, Query, description = "Numbered pages instead: `{items, page, limit, total}`", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "A page", body = Page<Conversation>)))]
#[get("/conversations")]
pub async fn list(
    me: AuthUser,
    query: Query,
    db: &Db,
    live: &State<Arc<Live>>,
) -> Result<Json<Page<Conversation>>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(20);
    let page = query.number("page", 1, 100)?;
    let archived = match query.text("status")?.as_deref() {
        None | Some("ACTIVE") => false,
        Some("ARCHIVED") => true,
        Some(_) => return Err(Error::parameter("status", FieldCode::InvalidValue)),
    };
    let filter = Filter {
        context_type: query.text("contextType")?,
        context_id: query.text("contextId")?,
        organization_id: query.text("organizationId")?,
        unread: query.flag("unread")?,
        archived,
        before: position(&query)?,
        offset: page.map_or(0, |page| (page - 1) * limit),
    };
    bounded(async {
        let mut connection = db.connection().await?;
        let newest = (page.is_none() && filter.is_plain())
            .then(|| live.newest(&me.key, filter.before, limit))
            .flatten();
        let (items, has_more) =
            conversations::list(&mut connection, &me.key, newest, &filter, limit).await?;
        let Some(page) = page else {
            return Ok(linked(items, has_more));
        };
        let total = conversations::total(&mut connection, &me.key, &filter).await?;
        Ok(Page::numbered(items, page, limit, total))
    })
    .await
    .map(Json::ok)
}

/// A page that goes on below the activity of its last row.
pub fn linked(items: Vec<Conversation>, has_more: bool) -> Page<Conversation> {
    let token = items.last().map(|last| token(last.activity_position));
    Page::linked(items, has_more, token)
}

pub fn token(position: Position) -> String {
    format!("p{position}")
}

/// The position from which a page goes on.
pub fn position(query: &Query) -> Result<Option<Position>> {
    let Some(token) = query.text("pageToken")? else {
        return Ok(None);
    };
    let position = token.strip_prefix('p').map(str::parse);
    match position {
        Some(Ok(position)) => Ok(Some(position)),
        _ => Err(Error::parameter("pageToken", FieldCode::InvalidValue)),
    }
}

/// One conversation
#[utoipa::path(get, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "getConversation",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The conversation", body = Conversation),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/conversations/<id>")]
pub async fn get(me: AuthUser, id: PathId, db: &Db) -> Result<Json<Conversation>> {
    Ok(Json::ok(read(&me, id.get()?, db).await?))
}

/// Change a conversation
///
/// `subject`, `metadata` and `closed` for all: by an ADMIN of a GROUP, by either of a PRIVATE one, or by `service`.
/// `status` for oneself: in the archive until a new message comes. What is left out stays.
#[utoipa::path(patch, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "updateConversation", request_body = ChangedConversation,
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 200, description = "The conversation as it is now", body = Conversation),
        (status = 403, description = "Not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending: of what is for all", body = Problem, content_type = "application/problem+json"),
    ))]
#[patch("/conversations/<id>", data = "<body>")]
pub async fn update(
    me: AuthUser,
    id: PathId,
    body: Body<ChangedConversation>,
    db: &Db,
    writer: &State<Writer>,
    config: &State<Config>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Conversation>> {
    let (id, changed) = (id.get()?, body.0);
    if me.is_service && changed.status.is_some() {
        return Err(Error::field("/status", FieldCode::InvalidValue));
    }
    let aside = changed.status.map(|status| match status {
        MemberStatus::Active => Aside::Not,
        MemberStatus::Archived => Aside::Archived,
    });
    let is_for_all =
        changed.subject.is_some() || changed.metadata.is_some() || changed.closed.is_some();
    if is_for_all {
        limits.send(&me)?;
        let update = Change::Update(Update {
            subject: changed.subject,
            metadata: changed.metadata,
            closed: changed.closed,
            notice: config.tenant(&me.key.tenant).notice(),
        });
        writer.write(alter(&me, id, update, aside)).await?;
    } else if let Some(aside) = aside {
        writer.write(put(&me, id, aside)).await?;
    }
    Ok(Json::ok(read(&me, id, db).await?))
}

fn alter(me: &AuthUser, conversation: uuid::Uuid, change: Change, aside: Option<Aside>) -> Op {
    Op::Alter(Alter {
        by: me.key.clone(),
        by_service: me.is_service,
        conversation,
        change,
        aside,
    })
}

fn put(me: &AuthUser, conversation: uuid::Uuid, aside: Aside) -> Op {
    Op::Put(Put {
        by: me.key.clone(),
        conversation,
        aside,
    })
}

/// Delete a conversation
///
/// A PRIVATE one for oneself: it leaves the list and the unread counts, and returns with the next message. A GROUP for
/// all, by an ADMIN; either kind for all, by `service`: `conversation.deleted` is the last event that its members see.
#[utoipa::path(delete, path = "/v1/conversations/{id}", tag = "conversations", operation_id = "deleteConversation",
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Deleted"),
        (status = 403, description = "A GROUP, and not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/conversations/<id>")]
pub async fn delete(me: AuthUser, id: PathId, writer: &State<Writer>) -> Result<Status> {
    let id = id.get()?;
    if me.is_service {
        writer.write(alter(&me, id, Change::Delete, None)).await?;
        return Ok(Status::NoContent);
    }
    // Of a PRIVATE one; a GROUP is nobody's own to hide, and says so.
    match writer.write(put(&me, id, Aside::Deleted)).await {
        Err(error) if error.code == Code::Forbidden => {
            writer.write(alter(&me, id, Change::Delete, None)).await?;
        }
        // Not a member: perhaps because of an earlier deletion, whose answer was lost.
        Err(error) if error.code == Code::NotFound => {
            writer.write(alter(&me, id, Change::Delete, None)).await?;
        }
        other => {
            other?;
        }
    }
    Ok(Status::NoContent)
}
