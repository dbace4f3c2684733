//! `POST /v1/stream-tickets`.

use std::sync::Arc;

use rocket::{State, post};
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::Limits;
use super::params::HeaderOf;
use super::respond::Json;
use crate::auth::AuthUser;
use crate::error::{Code, Problem, Result};
use crate::model::Time;
use crate::store::Db;
use crate::store::tickets::{self, Holder};

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
/// Good for streams of the site that bought it alone (`Origin`), of the same person. Valid 60 s, and while its stream
/// lives and 60 s more; never longer than the token it was bought with. A newer stream with it replaces the older.
#[utoipa::path(post, path = "/v1/stream-tickets", tag = "events", operation_id = "createStreamTicket",
    responses(
        (status = 201, description = "A ticket", body = StreamTicket),
        (status = 429, description = "`too-many-sends`, as when sending", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/stream-tickets")]
pub async fn create(
    me: AuthUser,
    headers: HeaderOf<'_>,
    db: &Db,
    limits: &State<Arc<Limits>>,
) -> Result<Json<StreamTicket>> {
    limits.send(&me)?;
    let ticket = format!("{:032x}", rand::random::<u128>());
    let holder = Holder {
        tenant_id: me.key.tenant.to_string(),
        user_id: me.key.id.to_string(),
        token_exp: chrono::DateTime::from_timestamp(me.exp, 0).ok_or(Code::TokenInvalid)?,
        token_iat: me.iat,
        token_key: me.signed_with.map(Vec::from),
    };
    let expires_at = tickets::create(db, &ticket, &holder, headers.origin).await?;
    Ok(Json::created(
        true,
        "/v1/events/stream".to_owned(),
        StreamTicket { ticket, expires_at },
    ))
}
