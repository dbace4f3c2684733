//! What every request has: an id, a line in the log, a place in the metrics, and headers that keep caches honest.
//! The line names the route, never the URL: query strings and bodies are nobody's business. It is written when the answer
//! starts; a stream writes a second one when it ends (`routes/closing.rs`). Idle polls write none, and pay for none.

mod origin;
mod trace;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use metrics::Counter;
use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::{Header, Method};
use rocket::{Data, Request, Response};
use uuid::Uuid;

pub use origin::{Caller, LogContext};
pub use trace::TraceContext;

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

struct Arrived {
    at: Instant,
    method: Method,
}

/// Notes what a request was when it came. Attached before rocket_cors: of what it refuses, rocket_cors makes a GET of its own.
pub struct Arrivals;

#[rocket::async_trait]
impl Fairing for Arrivals {
    fn info(&self) -> Info {
        Info {
            name: "arrivals",
            kind: Kind::Request,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, _: &mut Data<'_>) {
        Arrived::of(request);
        let Some(origin) = request.headers().get_one("Origin") else {
            return;
        };
        let is_origin = origin.eq_ignore_ascii_case("null") || url::Url::parse(origin).is_ok();
        Asked::of(request);
        // rocket_cors makes a 500 of what is none. Nobody's origin is refused all the same.
        if !is_origin {
            request.replace_header(Header::new("Origin", "null"));
        }
    }
}

impl Arrived {
    fn of<'r>(request: &'r Request<'_>) -> &'r Self {
        request.local_cache(|| Self {
            at: Instant::now(),
            method: request.method(),
        })
    }
}

type ByRoute = HashMap<String, Counter>;

/// Logs and counts every request. Attached last: rocket_cors changes the status of a preflight.
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
            kind: Kind::Response,
        }
    }

    async fn on_response<'r>(&self, request: &'r Request<'_>, response: &mut Response<'r>) {
        let Arrived { at, method } = Arrived::of(request);
        let elapsed = at.elapsed();
        let route = request.route().map_or("none", |route| route.uri.path());
        let status = response.status().code;
        self.count(method.as_str(), route, status);
        let RequestId(id) = RequestId::of(request);
        response.set_header(Header::new("X-Request-Id", id.clone()));
        response.set_header(Header::new("Vary", "Authorization, Cookie, Origin"));
        if request.local_cache(|| Idle(false)).0 {
            return;
        }
        metrics::histogram!("causerie_request_seconds", "route" => route.to_owned())
            .record(elapsed.as_secs_f64());
        let (caller, trace) = (Caller::of(request), TraceContext::of(request));
        tracing::info!(
            method = method.as_str(),
            route,
            status,
            duration.ms = elapsed.as_micros() as f64 / 1000.0,
            request.id = id,
            tenant.id = caller.map(|caller| &*caller.tenant),
            user.id = caller.map(|caller| &*caller.id),
            trace.id = trace.as_ref().map(|trace| &*trace.trace_id),
            parent.id = trace.as_ref().map(|trace| &*trace.parent_id),
            "request"
        );
    }
}

/// In a request's cache: whether its answer was an idle poll's.
pub struct Idle(pub bool);
