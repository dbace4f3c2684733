//! What a request's lines in the log say of where it comes from: its id, its trace, and who asked, once that is proven.

use std::sync::OnceLock;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::{RequestId, TraceContext};
use crate::model::UserKey;

/// Whose token was good. The guard notes it, so that the line knows it whoever refused the request afterwards.
pub struct Caller(OnceLock<UserKey>);

impl Caller {
    pub fn note(request: &Request<'_>, key: &UserKey) {
        // A second guard of the same request finds the same person.
        let _ = Self::slot(request).0.set(key.clone());
    }

    pub fn of<'r>(request: &'r Request<'_>) -> Option<&'r UserKey> {
        Self::slot(request).0.get()
    }

    fn slot<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self(OnceLock::new()))
    }
}

/// For what outlives its request: a stream.
#[derive(Debug, Clone)]
pub struct LogContext {
    pub request_id: String,
    pub trace: Option<TraceContext>,
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LogContext {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self {
            request_id: RequestId::of(request).0.clone(),
            trace: TraceContext::of(request),
        })
    }
}
