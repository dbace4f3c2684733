//! `DELETE /v1/users/{id}` and `GET …/export`: what a person may ask the host for, by law.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, delete, get};

use super::params::Query;
use super::respond::{Json, Page};
use crate::auth::{AuthUser, Identities};
use crate::error::{Code, Error, Problem, Result};
use crate::live::Live;
use crate::model::{ExportPlace, Exported, FieldCode, Problems, UserKey};
use crate::store::batch::Op;
use crate::store::erasure::{self, Erase};
use crate::store::export::page;
use crate::store::writer::Writer;
use crate::store::{Db, users};

/// Erase a person (`service`)
///
/// At once, for everybody and on every instance: the profile is empty (`isDeleted`), every message of theirs is a tombstone,
/// answers to them quote nothing, and those who share a conversation are told by `user.updated`. Their tokens issued so far
/// are refused, their streams end. What they wrote, earlier texts and file names included, is taken out of the database in
/// the following seconds, when they read and were there as well, their memberships end, and notices name "Deleted account".
/// The id itself stays: it is the host's. Messages of others stay, and so do subjects, contexts and metadata of conversations.
///
/// Said again, it is done already. A newer token, or a `PUT`, makes a new person of that id who has none of this; until
/// the erasure has come to its end, which is some seconds, such a token gets 503.
#[utoipa::path(delete, path = "/v1/users/{id}", tag = "users", operation_id = "eraseUser",
    params(("id" = String, Path, description = "The host site's own id")),
    responses(
        (status = 204, description = "Hidden everywhere; the texts go in the next seconds"),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody by this id was ever here", body = Problem, content_type = "application/problem+json"),
    ))]
#[delete("/users/<id>")]
pub async fn erase(
    me: AuthUser,
    id: &str,
    identities: &State<Arc<Identities>>,
    live: &State<Arc<Live>>,
    db: &Db,
    writer: &State<Writer>,
) -> Result<Status> {
    me.require_service()?;
    if Problems::of_id(id).is_some() {
        return Err(Code::NotFound.into());
    }
    let user = UserKey::new(&me.key.tenant, id);
    let erase = Erase {
        by: me.key,
        user: user.clone(),
        ahead: identities.ahead(),
    };
    writer.write(Op::Erase(erase)).await?;
    // Stored with the erasure already: here it is heard at once.
    identities.revoke(db, &user).await?;
    live.wake(&user);
    Ok(Status::NoContent)
}

/// Export a person (`service`, or oneself)
///
/// Everything that is kept of them, as it is kept: a page of rows, each with its `kind` (`PROFILE`, `MEMBERSHIP` …) and its
/// columns as `data`. The earlier texts of messages (`REVISION`) follow the messages, and name theirs. Ask again with
/// `nextPageToken` until there is none; a page may be empty and have one. Each page is read by itself: what is written
/// meanwhile may be in it. Left out: the hashes of tickets and requests.
#[utoipa::path(get, path = "/v1/users/{id}/export", tag = "users", operation_id = "exportUser",
    params(
        ("id" = String, Path, description = "The host site's own id"),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "A page of it", body = Page<Exported>),
        (status = 403, description = "Only for the host's backend and the person", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Nobody by this id", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The person is being erased: some seconds later it is told what is kept", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/users/<id>/export")]
pub async fn export(me: AuthUser, id: &str, query: Query, db: &Db) -> Result<Json<Page<Exported>>> {
    if *me.key.id != *id {
        me.require_service()?;
    }
    if Problems::of_id(id).is_some() || users::find(db, &me.key.tenant, id).await?.is_none() {
        return Err(Code::NotFound.into());
    }
    let place = match query.text("pageToken")? {
        None => ExportPlace::first(),
        Some(token) => ExportPlace::parse(&token)
            .ok_or_else(|| Error::parameter("pageToken", FieldCode::InvalidValue))?,
    };
    let user = UserKey::new(&me.key.tenant, id);
    // Texts that are hidden from everybody else are not handed out here.
    if erasure::is_going_on(db, &user).await? {
        return Err(Error::from(Code::Unavailable).because("the person is being erased"));
    }
    let page = page(db, &user, place).await?;
    let rows = page.rows.into_iter();
    let items = rows.map(|row| Exported::new(page.kind, row)).collect();
    let next = page.next.map(|place| place.token());
    Ok(Json::ok(Page::linked(items, next.is_some(), next)))
}
