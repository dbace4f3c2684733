//! What every request has: an id, a line in the log, a place in the metrics, and headers that keep caches honest.
//! The line names the route, never the URL: query strings and bodies are nobody's business.

use std::time::Instant;

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Status};
use rocket::{Data, Request, Response};
use uuid::Uuid;

/// The caller's `X-Request-Id` when it is a short plain one, else one of ours.
pub struct RequestId(pub String);

impl RequestId {
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            let given = request
                .headers()
                .get_one("X-Request-Id")
                .filter(|id| (1..=64).contains(&id.len()) && id.chars().all(plain));
            Self(given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned))
        })
    }
}

/// The path as it was asked: rocket_cors sends what it refuses to a route of its own, and no answer should name that.
pub struct Asked(pub String);

impl Asked {
    pub fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self(request.uri().path().to_string()))
    }
}

struct Started(Instant);

/// Logs and counts every request.
pub struct Requests;

#[rocket::async_trait]
impl Fairing for Requests {
    fn info(&self) -> Info {
        Info {
            name: "request ids, log and metrics",
            kind: Kind::Request | Kind::Response,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        request.local_cache(|| Started(Instant::now()));
        Asked::of(request);
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Started(started) = request.local_cache(|| Started(Instant::now()));
        let elapsed = started.elapsed();
        let route = request
            .route()
            .map_or_else(|| "none".to_owned(), |route| route.uri.path().to_string());
        let status = response.status();
        let method = request.method().as_str();
        metrics::counter!("causerie_requests_total", "method" => method, "route" => route.clone(), "status" => status.code.to_string()).increment(1);
        let RequestId(id) = RequestId::of(request);
        response.set_header(Header::new("X-Request-Id", id.clone()));
        response.set_header(Header::new("Vary", "Authorization, Cookie, Origin"));
        let is_idle = status == Status::NotModified || response.headers().contains(IDLE);
        response.remove_header(IDLE);
        if !is_idle {
            metrics::histogram!("causerie_request_seconds", "route" => route.clone())
                .record(elapsed.as_secs_f64());
            tracing::info!(
                method,
                route,
                status = status.code,
                duration.ms = elapsed.as_secs_f64() * 1000.0,
                request.id = id,
                "request"
            );
        }
    }
}

/// A header that never leaves: how a handler says that its answer was an idle poll's.
pub const IDLE: &str = "X-Causerie-Idle";
