//! `/v1/me`: the caller's own profile.

use rocket::get;

use super::respond::Json;
use crate::auth::AuthUser;
use crate::error::{Code, Result};
use crate::model::User;
use crate::store::{Db, users};

/// The caller, as others see them
#[utoipa::path(get, path = "/v1/me", tag = "users", operation_id = "getMe",
    responses((status = 200, description = "The caller", body = User)))]
#[get("/me")]
pub async fn get(me: AuthUser, db: &Db) -> Result<Json<User>> {
    users::find(db, &me.key.tenant, &me.key.id)
        .await?
        .map(Json::ok)
        .ok_or_else(|| Code::NotFound.into())
}
