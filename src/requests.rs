//! What every request has: an id, a line in the log, a place in the metrics, and headers that keep caches honest.
//! The line names the route, never the URL: query strings and bodies are nobody's business.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use metrics::Counter;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Header;
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

type ByRoute = HashMap<String, Counter>;

/// Logs and counts every request.
#[derive(Default)]
pub struct Requests {
    /// By method and status, then by route: a counter is found once, not by three labels for each request.
    counters: RwLock<HashMap<(&'static str, u16), ByRoute>>,
}

impl Requests {
    fn count(&self, method: &'static str, route: &str, status: u16) {
        let counters = self.counters.read().unwrap_or_else(PoisonError::into_inner);
        let known = counters.get(&(method, status)).and_then(|of| of.get(route));
        if let Some(counter) = known {
            return counter.increment(1);
        }
        drop(counters);
        let labels = [
            ("method", method.to_owned()),
            ("route", route.to_owned()),
            ("status", status.to_string()),
        ];
        let counter = metrics::counter!("causerie_requests_total", &labels);
        counter.increment(1);
        let mut counters = self
            .counters
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let of = counters.entry((method, status)).or_default();
        of.insert(route.to_owned(), counter);
    }
}

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
        if request.headers().contains("Origin") {
            Asked::of(request);
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Started(started) = request.local_cache(|| Started(Instant::now()));
        let elapsed = started.elapsed();
        let route = request.route().map_or("none", |route| route.uri.path());
        let status = response.status();
        let method = request.method().as_str();
        self.count(method, route, status.code);
        let RequestId(id) = RequestId::of(request);
        response.set_header(Header::new("X-Request-Id", id.clone()));
        response.set_header(Header::new("Vary", "Authorization, Cookie, Origin"));
        let is_idle = request.local_cache(|| Idle(false)).0;
        if !is_idle {
            metrics::histogram!("causerie_request_seconds", "route" => route.to_owned())
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

/// In a request's cache: whether its answer was an idle poll's.
pub struct Idle(pub bool);
