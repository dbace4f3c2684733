//! `PUT /v1/conversations/{id}/typing`.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, put};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::Body;
use super::params::PathId;
use crate::auth::AuthUser;
use crate::error::{Code, Problem, Result};
use crate::live::Live;
use crate::model::{Check, Problems};
use crate::store::{Db, ephemeral};

#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypingNow {
    is_typing: bool,
}

impl Check for TypingNow {
    fn check(&self, _: &mut Problems) {}
}

/// Say that the caller is typing, or has stopped
///
/// The other members see it in `ephemeral` for 6 s: say it again every 3 s while it lasts. One start per 3 s is passed on,
/// what is more is absorbed. A message ends it, and so does typing in another conversation. In a closed conversation and
/// above 50 members nothing happens. Whoever hides their presence and types is seen typing.
#[utoipa::path(put, path = "/v1/conversations/{id}/typing", tag = "conversations", operation_id = "setTyping", request_body = TypingNow,
    params(("id" = uuid::Uuid, Path)),
    responses(
        (status = 204, description = "Told to the others, or absorbed"),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[put("/conversations/<id>/typing", data = "<body>")]
pub async fn put(
    me: AuthUser,
    id: PathId,
    body: Body<TypingNow>,
    live: &State<Arc<Live>>,
    db: &Db,
) -> Result<Status> {
    let id = id.get()?;
    let typist = ephemeral::typist(db, &me.key, id).await?;
    live.type_in(&me.key, id, body.0.is_typing, typist.ok_or(Code::NotFound)?);
    Ok(Status::NoContent)
}
