//! `/v1/admin`: what the host's support desk looks up.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, get, post};

use super::members::{after, token};
use super::params::{PathId, Query};
use super::respond::Json;
use crate::auth::{AuthUser, Identities};
use crate::error::{Code, Problem, Result};
use crate::live::Live;
use crate::model::{Problems, Trace, UserKey};
use crate::store::{Db, trace};

/// What became of a message (`service`)
///
/// For each of its recipients: when it was handed out and over which transport, when a cursor proved its arrival, when it
/// was read. Kept as long as the log; under load some of it is left out.
#[utoipa::path(get, path = "/v1/admin/messages/{id}/trace", tag = "operations", operation_id = "traceMessage",
    params(
        ("id" = uuid::Uuid, Path),
        ("limit" = Option<i64>, Query, description = "Most recipients", minimum = 1, maximum = 100),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before"),
    ),
    responses(
        (status = 200, description = "Its way", body = Trace),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such message", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/admin/messages/<id>/trace")]
pub async fn trace_message(me: AuthUser, id: PathId, query: Query, db: &Db) -> Result<Json<Trace>> {
    me.require_service()?;
    let limit = query.number("limit", 1, 100)?.unwrap_or(100);
    let (mut trace, next) =
        trace::get(db, &me.key.tenant, id.get()?, after(&query)?, limit).await?;
    trace.next_page_token = token(next);
    Ok(Json::ok(trace))
}

/// Take back all tokens of a person (`service`)
///
/// Those that were issued up to this second are refused from now on, and their streams and waits end within two seconds,
/// on every instance. Whoever logs in anew is let in with the new token; a token without `iat` counts as an old one. It is
/// remembered for 400 days: no token should live longer.
///
/// The clock that writes `iat` should be right. Where tokens were seen whose `iat` lies ahead (30 s are borne), those that are
/// issued in that many seconds after the call are refused too. A clock that is late is not noticed: a token that it issues
/// after the call is refused while it says an earlier second.
#[utoipa::path(post, path = "/v1/admin/users/{id}/revoke", tag = "operations", operation_id = "revokeTokens",
    params(("id" = String, Path, description = "The host site's own id")),
    responses(
        (status = 204, description = "Done"),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Not an id", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/admin/users/<id>/revoke")]
pub async fn revoke(
    me: AuthUser,
    id: &str,
    identities: &State<Arc<Identities>>,
    live: &State<Arc<Live>>,
    db: &Db,
) -> Result<Status> {
    me.require_service()?;
    if Problems::of_id(id).is_some() {
        return Err(Code::NotFound.into());
    }
    let user = UserKey::new(&me.key.tenant, id);
    identities.revoke(db, &user).await?;
    live.wake(&user);
    Ok(Status::NoContent)
}
