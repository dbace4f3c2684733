//! `POST /v1/stream-tickets`.

use rocket::post;
use serde::Serialize;
use utoipa::ToSchema;

use super::respond::Json;
use crate::auth::AuthUser;
use crate::error::{Code, Result};
use crate::model::Time;
use crate::store::{Db, tickets};

/// Shown as `?ticket=` to `/v1/events/stream`, and to nothing else.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamTicket {
    pub ticket: String,
    /// When it expires if no stream is open with it.
    pub expires_at: Time,
}

/// A ticket for a native EventSource of another origin
///
/// Valid 60 s, and while its stream lives and 60 s more; never longer than the token it was bought with. A newer
/// stream with it replaces the older.
#[utoipa::path(post, path = "/v1/stream-tickets", tag = "events", operation_id = "createStreamTicket",
    responses((status = 201, description = "A ticket", body = StreamTicket)))]
#[post("/stream-tickets")]
pub async fn create(me: AuthUser, db: &Db) -> Result<Json<StreamTicket>> {
    let ticket = format!("{:032x}", rand::random::<u128>());
    let token_exp = chrono::DateTime::from_timestamp(me.exp, 0).ok_or(Code::TokenInvalid)?;
    let expires_at = tickets::create(db, &me.key, &ticket, token_exp).await?;
    Ok(Json::created(
        true,
        "/v1/events/stream".to_owned(),
        StreamTicket { ticket, expires_at },
    ))
}
