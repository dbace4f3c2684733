//! Who is asking. A route that needs to know says so in its signature: `me: AuthUser`. What they may see is decided in
//! SQL, by membership.

mod claims;
mod identify;
mod jwks;
mod keys;
mod payload;
mod refused;
mod rules;
mod ticket;

use std::sync::Arc;

pub use claims::{Claims, mint};
pub use identify::Identities;
pub use jwks::Fingerprint;
pub use keys::Keys;
pub use refused::RefusedTokens;
pub use ticket::{Held, StreamUser, Tickets};

use rocket::Request;
use rocket::http::{Method, Status};
use rocket::request::{FromRequest, Outcome};

use crate::error::{Code, Error, Result, stash};
use crate::model::UserKey;
use crate::requests::Caller;
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
    /// When the token was issued; 0 where it does not say.
    pub iat: i64,
    /// The key of an issuer, who may take it back.
    pub signed_with: Option<Fingerprint>,
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
            Ok(user) => {
                Caller::note(request, &user.key);
                Outcome::Success((*user).clone())
            }
            Err(error) => Outcome::Error(stash(request, error)),
        }
    }
}

/// By header or cookie; both only when they name the same person.
async fn identify(request: &Request<'_>) -> Result<Arc<AuthUser>> {
    refuse_token_in_url(request)?;
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
        (Some(token), None) => who(request, token).await,
        (None, Some(token)) => {
            refuse_cross_site(request)?;
            who(request, token).await
        }
        (Some(token), Some(other)) => {
            let user = who(request, token).await?;
            match who(request, other).await {
                Ok(other) if other.key == user.key => Ok(user),
                // A script cannot remove an HttpOnly cookie: one that has ended, was taken back or is of an older secret
                // names nobody, and must not lock its user out.
                Err(error)
                    if error.code.status() == Status::Unauthorized
                        || error.code == Code::TooManyRefusedTokens =>
                {
                    Ok(user)
                }
                _ => Err(Code::TokensDiffer.into()),
            }
        }
    }
}

/// Whom a token names. One that is known costs a look-up; any other is looked at while its address has not shown too
/// many that did not hold.
async fn who(request: &Request<'_>, token: &str) -> Result<Arc<AuthUser>> {
    let identities: &Arc<Identities> = request.rocket().state().ok_or(Code::Internal)?;
    if let Some(user) = identities.known(token) {
        return Ok(user);
    }
    let refused: &Arc<RefusedTokens> = request.rocket().state().ok_or(Code::Internal)?;
    refused.check(request)?;
    let db: &Db = request.rocket().state().ok_or(Code::Internal)?;
    let writer: &Writer = request.rocket().state().ok_or(Code::Unavailable)?;
    let found = Box::pin(identities.verify(token, db, writer)).await;
    refused.note(request, found)
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
    let is_jwt = |text: &str| {
        let bare = text.trim_start().trim_start_matches("Bearer ").trim_start();
        bare.starts_with("eyJ") && bare.split('.').count() == 3
    };
    let found = request
        .query_fields()
        .any(|field| is_jwt(field.value) || is_jwt(field.name.source().as_str()))
        || request.uri().path().segments().any(is_jwt);
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
