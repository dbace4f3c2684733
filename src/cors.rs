//! Which sites may call from a browser: an exact list, by configuration.

use std::collections::HashSet;

use rocket::http::Method;
use rocket_cors::{AllowedHeaders, AllowedOrigins, Cors, CorsOptions};

use crate::config::Config;

/// The sites that may call, as browsers write them. A site's own pages are in it too: browsers send `Origin` with
/// same-origin POSTs, and rocket_cors refuses what is not listed.
pub struct Origins(HashSet<String>);

impl Origins {
    /// Those configured and, in the debug profile, the addresses under which a developer sees this server.
    pub fn new(config: &Config, port: u16) -> Self {
        let mut origins: HashSet<_> = config.origins.iter().cloned().collect();
        // Where our own page stands on which people turn e-mails off.
        origins.extend(config.mail.public_origin());
        if config.is_debug {
            origins.extend(
                ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}")),
            );
        }
        Self(origins)
    }

    pub fn allow(&self, origin: &str) -> bool {
        self.0.contains(origin)
    }

    pub fn cors(&self) -> Result<Cors, rocket_cors::Error> {
        let methods = [
            Method::Get,
            Method::Post,
            Method::Put,
            Method::Patch,
            Method::Delete,
        ];
        let exposed = [
            "ETag",
            "Retry-After",
            "X-Poll-Interval",
            "X-Request-Id",
            "Idempotency-Replayed",
            "Location",
        ];
        let exact: Vec<&str> = self.0.iter().map(String::as_str).collect();
        CorsOptions {
            allowed_origins: AllowedOrigins::some_exact(&exact),
            allowed_methods: methods.into_iter().map(From::from).collect(),
            allowed_headers: AllowedHeaders::some(&[
                "Authorization",
                "Content-Type",
                "If-None-Match",
                "Last-Event-ID",
                "Idempotency-Key",
                "X-Requested-With",
                "X-Request-Id",
                "traceparent",
                "tracestate",
                "Accept",
                "Accept-Language",
                "Cache-Control",
            ]),
            allow_credentials: true,
            expose_headers: exposed.into_iter().map(str::to_owned).collect(),
            max_age: Some(7200),
            ..CorsOptions::default()
        }
        .to_cors()
    }
}
