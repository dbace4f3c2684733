//! `/v1/conversations/{id}/members`: who is in it; adding, roles, removing, leaving.

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
use crate::model::{ChangedMember, FieldCode, Member, NewMembers, Problems};
use crate::store::Db;
use crate::store::batch::Op;
use crate::store::joins::Add;
use crate::store::members::{self, After};
use crate::store::roles::{Change, Manage};
use crate::store::writer::Writer;

/// Members of a conversation, in order of joining
#[utoipa::path(get, path = "/v1/conversations/{id}/members", tag = "members", operation_id = "listMembers",
    params(
        ("id" = Uuid, Path),
        ("limit" = Option<i64>, Query, description = "Most rows", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "A page", body = Page<Member>),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/conversations/<id>/members")]
pub async fn list(me: AuthUser, id: PathId, query: Query, db: &Db) -> Result<Json<Page<Member>>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(100);
    let after = after(&query)?;
    let viewer = (!me.is_service).then_some(&me.key);
    let page = members::list(db, &me.key.tenant, viewer, id.get()?, after, limit).await?;
    Ok(Json::ok(linked(page.items, page.next)))
}

/// Where a page of people starts.
pub fn after(query: &Query) -> Result<After> {
    let Some(token) = query.text("pageToken")? else {
        return Ok(After {
            joined: 0,
            user_id: String::new(),
        });
    };
    let parts = token
        .strip_prefix('m')
        .and_then(|rest| rest.split_once('-'));
    let parts = parts.and_then(|(joined, id)| Some((joined.parse().ok()?, id.to_owned())));
    let (joined, user_id) =
        parts.ok_or_else(|| Error::parameter("pageToken", FieldCode::InvalidValue))?;
    Ok(After { joined, user_id })
}

/// A page of people that goes on after its last one.
pub fn linked<T>(items: Vec<T>, next: Option<After>) -> Page<T> {
    let token = token(next);
    Page::linked(items, token.is_some(), token)
}

pub fn token(next: Option<After>) -> Option<String> {
    next.map(|after| format!("m{}-{}", after.joined, after.user_id))
}

/// Add people to a group
///
/// Whoever is in it already stays as they are. The new ones' feeds hold the conversation from their joining on, and what
/// was said before is not unread to them. For an ADMIN of the group, or `service`.
#[utoipa::path(post, path = "/v1/conversations/{id}/members", tag = "members", operation_id = "addMembers", request_body = NewMembers,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Those who were named, as members", body = Page<Member>),
        (status = 403, description = "Not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not-a-group`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`user-unknown`, naming whom; more than 1,000 members; or fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations/<id>/members", data = "<body>")]
pub async fn add(
    me: AuthUser,
    id: PathId,
    body: Body<NewMembers>,
    db: &Db,
    writer: &State<Writer>,
    config: &State<Config>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Page<Member>>> {
    limits.send(&me)?;
    let (id, tenant) = (id.get()?, me.key.tenant.clone());
    let mut members = body.0.named();
    let mut seen = std::collections::HashSet::new();
    members.retain(|(member, _)| seen.insert(member.user_id.clone()));
    let ids: Vec<String> = members.iter().map(|(m, _)| m.user_id.clone()).collect();
    let add = Add {
        by: me.key,
        by_service: me.is_service,
        conversation: id,
        members,
        make_unknown: config.unknown_users == UnknownUsers::Create,
        notice: config.tenant(&tenant).notice(),
    };
    writer.write(Op::Add(add)).await?;
    let items = members::some(db, &tenant, id, &ids).await?;
    Ok(Json::ok(Page::linked(items, false, None)))
}

/// Change a member's role
///
/// For an ADMIN of the group, or `service`. `me` is oneself.
#[utoipa::path(patch, path = "/v1/conversations/{id}/members/{userId}", tag = "members", operation_id = "updateMember", request_body = ChangedMember,
    params(("id" = Uuid, Path), ("userId" = String, Path, description = "Or `me`")),
    responses(
        (status = 200, description = "The member as it is now", body = Member),
        (status = 403, description = "Not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`last-admin`, `not-a-group`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[patch("/conversations/<id>/members/<user_id>", data = "<body>")]
pub async fn update(
    me: AuthUser,
    id: PathId,
    user_id: &str,
    body: Body<ChangedMember>,
    db: &Db,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Member>> {
    limits.send(&me)?;
    let (id, tenant) = (id.get()?, me.key.tenant.clone());
    let member = named(&me, user_id)?;
    let manage = Manage {
        by: me.key,
        by_service: me.is_service,
        conversation: id,
        member: member.clone(),
        change: Change::Role(body.0.role),
    };
    writer.write(Op::Manage(manage)).await?;
    let now = members::some(db, &tenant, id, &[member]).await?;
    // Removed meanwhile.
    now.into_iter()
        .next()
        .map(Json::ok)
        .ok_or_else(|| Code::NotFound.into())
}

/// Remove a member, or leave
///
/// Oneself (`me`), or another one for an ADMIN of the group or `service`. `member.left` is the last event that person
/// sees. The last ADMIN of a group names another one first.
#[utoipa::path(delete, path = "/v1/conversations/{id}/members/{userId}", tag = "members", operation_id = "removeMember",
    params(("id" = Uuid, Path), ("userId" = String, Path, description = "Or `me`")),
    responses(
        (status = 204, description = "Not a member any more"),
        (status = 403, description = "Not an ADMIN", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`last-admin`, `not-a-group`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/conversations/<id>/members/<user_id>")]
pub async fn remove(
    me: AuthUser,
    id: PathId,
    user_id: &str,
    writer: &State<Writer>,
    config: &State<Config>,
    limits: &State<Arc<Limits>>,
) -> Result<Status> {
    limits.send(&me)?;
    let manage = Manage {
        conversation: id.get()?,
        member: named(&me, user_id)?,
        change: Change::Out(config.tenant(&me.key.tenant).notice()),
        by_service: me.is_service,
        by: me.key,
    };
    writer.write(Op::Manage(manage)).await?;
    Ok(Status::NoContent)
}

/// The person of a path. What cannot be anybody's id is nobody.
fn named(me: &AuthUser, user_id: &str) -> Result<String> {
    if user_id == "me" {
        return Ok(me.key.id.to_string());
    }
    match Problems::of_id(user_id) {
        None => Ok(user_id.to_owned()),
        Some(_) => Err(Code::NotFound.into()),
    }
}
