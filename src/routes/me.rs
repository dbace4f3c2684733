//! `/v1/me`: the caller's own profile, and what it chose.

use std::sync::Arc;

use rocket::{State, get, patch};

use super::body::Body;
use super::limits::Limits;
use super::respond::Json;
use crate::auth::AuthUser;
use crate::error::{Code, Problem, Result};
use crate::live::Live;
use crate::model::{Account, Preferences};
use crate::store::batch::Op;
use crate::store::users::Choice;
use crate::store::writer::Writer;
use crate::store::{Db, presence, users};

/// The caller, as others see them, and what they chose
#[utoipa::path(get, path = "/v1/me", tag = "users", operation_id = "getMe",
    responses((status = 200, description = "The caller", body = Account)))]
#[get("/me")]
pub async fn get(me: AuthUser, db: &Db) -> Result<Json<Account>> {
    account(&me, db).await
}

/// Hide one's presence, or turn off one's receipts
///
/// What is left out stays. The caller's other devices are told by `user.updated`. Whoever hides their presence is OFFLINE
/// for everybody at once, as if they had never been seen.
#[utoipa::path(patch, path = "/v1/me", tag = "users", operation_id = "updateMe", request_body = Preferences,
    responses(
        (status = 200, description = "The caller as they are now", body = Account),
        (status = 422, description = "Fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[patch("/me", data = "<body>")]
pub async fn update(
    me: AuthUser,
    body: Body<Preferences>,
    db: &Db,
    live: &State<Arc<Live>>,
    writer: &State<Writer>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<Account>> {
    limits.send(&me)?;
    let (by, preferences) = (me.key.clone(), body.0);
    let is_of_presence = preferences.presence_hidden.is_some();
    writer.write(Op::Choose(Choice { by, preferences })).await?;
    if is_of_presence && let Some(seen) = presence::find(db, &me.key).await? {
        live.choose_presence(seen);
    }
    account(&me, db).await
}

async fn account(me: &AuthUser, db: &Db) -> Result<Json<Account>> {
    users::account(db, &me.key)
        .await?
        .map(Json::ok)
        .ok_or_else(|| Code::NotFound.into())
}
