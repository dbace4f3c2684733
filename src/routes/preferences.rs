//! `/v1/me/preferences`: what the caller wants to be told, how and when.

use std::sync::Arc;

use rocket::{State, get, patch};

use super::body::Body;
use super::limits::Limits;
use super::respond::Json;
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Problem, Result};
use crate::model::{ChangedPreferences, NotificationPreferences};
use crate::store::Db;
use crate::store::preferences::{self, Defaults};

/// What the caller wants to be told, how and when
///
/// As it holds: with the site's own time zone and language where the caller has chosen none.
#[utoipa::path(get, path = "/v1/me/preferences", tag = "notifications", operation_id = "getPreferences",
    responses((status = 200, description = "The preferences", body = NotificationPreferences)))]
#[get("/me/preferences")]
pub async fn get(
    me: AuthUser,
    db: &Db,
    config: &State<Config>,
) -> Result<Json<NotificationPreferences>> {
    read(&me, db, config).await
}

/// Change them
///
/// What is left out stays; null takes back what was chosen. Of `types` the whole list is put. In quiet hours no e-mails are
/// sent about notifications and messages: they come afterwards.
#[utoipa::path(patch, path = "/v1/me/preferences", tag = "notifications", operation_id = "updatePreferences", request_body = ChangedPreferences,
    responses(
        (status = 200, description = "The preferences as they are now", body = NotificationPreferences),
        (status = 422, description = "Fields that are not acceptable", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[patch("/me/preferences", data = "<body>")]
pub async fn update(
    me: AuthUser,
    body: Body<ChangedPreferences>,
    db: &Db,
    config: &State<Config>,
    limits: &State<Arc<Limits>>,
) -> Result<Json<NotificationPreferences>> {
    limits.send(&me)?;
    preferences::change(db, &me.key, &body.0).await?;
    read(&me, db, config).await
}

async fn read(me: &AuthUser, db: &Db, config: &Config) -> Result<Json<NotificationPreferences>> {
    let tenant = config.tenant(&me.key.tenant);
    let defaults = Defaults {
        time_zone: tenant.time_zone,
        language: tenant.language,
    };
    let found = preferences::get(db, &me.key, defaults).await?;
    Ok(Json::ok(found))
}
