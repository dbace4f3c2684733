//! `GET /v1/presence`.

use std::collections::HashSet;

use rocket::get;

use super::params::Query;
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::error::{Error, Result};
use crate::model::{FieldCode, Presence, Problems};
use crate::store::{Db, presence};

/// Most people of one request.
const MAX: usize = 100;

/// Whether people are there
///
/// Of those asked, the ones the caller shares a conversation with now, in the order asked; others, and the caller, are left
/// out. The host's backend may ask about everybody. Whoever hides their presence is OFFLINE and was never seen.
#[utoipa::path(get, path = "/v1/presence", tag = "users", operation_id = "getPresence",
    params(("userIds" = String, Query, description = "1 to 100 ids with commas between them; an id that holds a comma cannot be asked for")),
    responses((status = 200, description = "Who of them is there", body = Page<Presence>)))]
#[get("/presence")]
pub async fn list(me: AuthUser, query: Query, db: &Db) -> Result<Json<Page<Presence>>> {
    let refused = |code| Error::parameter("userIds", code);
    let given = query.text("userIds")?;
    let given = given.ok_or_else(|| refused(FieldCode::Required))?;
    let mut known = HashSet::new();
    let mut ids: Vec<_> = given.split(',').map(str::to_owned).collect();
    ids.retain(|id| known.insert(id.clone()));
    if ids.len() > MAX {
        return Err(refused(FieldCode::TooMany));
    }
    for id in &ids {
        // By the rules of a body's ids.
        if let Some(code) = Problems::of_id(id) {
            return Err(refused(code));
        }
    }
    let found = presence::list(db, &me.key, me.is_service, ids).await?;
    Ok(Json::ok(Page::linked(found, false, None)))
}
