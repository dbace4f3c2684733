//! Who is asking. A route that needs to know says so in its signature: `me: AuthUser`. What they may see is decided in
//! SQL, by membership.

mod claims;
mod identify;
mod ticket;

use std::sync::Arc;

pub use claims::{Claims, Keys, mint};
pub use identify::Identities;
pub use ticket::{StreamUser, Tickets};

use rocket::Request;
use rocket::State;
use rocket::http::Method;
use rocket::request::{FromRequest, Outcome};

use crate::error::{Code, Error, Result, stash};
use crate::model::UserKey;
use crate::store::Db;
use crate::store::writer::Writer;

/// A proven identity, until `exp`.
#[derive(Debug, Clone)]
pub struct AuthUser {
    pub key: UserKey,
    pub is_service: bool,
    /// Those whose conversations it may open.
    pub organizations: Arc<[String]>,
    /// When the token ends, in seconds since 1970.
    pub exp: i64,
}

/// After `exp`, clocks may differ by this much.
pub const LEEWAY_SECS: i64 = 30;

impl AuthUser {
    /// 403 for everybody but the host's backend.
    pub fn require_service(&self) -> Result<()> {
        if self.is_service {
            Ok(())
        } else {
            Err(Code::ServiceOnly.into())
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for AuthUser {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        match identify(request).await {
            Ok(user) => Outcome::Success((*user).clone()),
            Err(error) => Outcome::Error(stash(request, error)),
        }
    }
}

/// By header or cookie; both only when they name the same person.
async fn identify(request: &Request<'_>) -> Result<Arc<AuthUser>> {
    refuse_token_in_url(request)?;
    let identities: &State<Identities> = request.guard().await.succeeded().ok_or(Code::Internal)?;
    let db: &Db = request.rocket().state().ok_or(Code::Internal)?;
    let writer: &Writer = request.rocket().state().ok_or(Code::Unavailable)?;
    let mut headers = request.headers().get("Authorization");
    let header = headers.next();
    if headers.next().is_some() {
        return Err(Code::TokensDiffer.into());
    }
    let cookie = request
        .cookies()
        .get("access_token")
        .map(|cookie| cookie.value());
    match (header.map(bare), cookie) {
        (None, None) => Err(Code::TokenMissing.into()),
        (Some(token), None) => identities.get(token, db, writer).await,
        (None, Some(token)) => {
            refuse_cross_site(request)?;
            identities.get(token, db, writer).await
        }
        (Some(token), Some(other)) => {
            let user = identities.get(token, db, writer).await?;
            match identities.get(other, db, writer).await {
                Ok(other) if other.key == user.key => Ok(user),
                // A script cannot remove an HttpOnly cookie: an old one must not lock its user out.
                Err(error) if error.code == Code::TokenExpired => Ok(user),
                _ => Err(Code::TokensDiffer.into()),
            }
        }
    }
}

/// `Bearer JWT`, or the JWT alone.
fn bare(header: &str) -> &str {
    let trimmed = header.trim();
    match trimmed.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => trimmed,
    }
}

/// URLs stand in logs and histories. Anything that looks like a JWT in one is refused, whatever it is called.
pub(crate) fn refuse_token_in_url(request: &Request<'_>) -> Result<()> {
    let is_jwt = |value: &str| value.starts_with("eyJ") && value.split('.').count() == 3;
    let found = request
        .query_fields()
        .any(|field| is_jwt(field.value) || is_jwt(field.value.trim_start_matches("Bearer ")));
    if found {
        Err(Code::TokenInUrl.into())
    } else {
        Ok(())
    }
}

/// A browser sends cookies by itself. A change made with one must come from an allowed site, and carry a header that a
/// foreign form cannot set.
fn refuse_cross_site(request: &Request<'_>) -> Result<()> {
    if matches!(
        request.method(),
        Method::Get | Method::Head | Method::Options
    ) {
        return Ok(());
    }
    let origins: &crate::cors::Origins = request.rocket().state().ok_or(Code::Internal)?;
    let allowed = request
        .headers()
        .get_one("Origin")
        .is_some_and(|origin| origins.allow(origin));
    let asked_by_script = request.headers().get_one("X-Requested-With").is_some();
    if allowed && asked_by_script {
        Ok(())
    } else {
        Err(Error::from(Code::CrossSite))
    }
}
