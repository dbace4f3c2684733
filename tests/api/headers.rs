//! What a browser may do with an answer that somebody opens as a page.

use reqwest::{Client, Method};

use crate::support::App;

#[tokio::test]
async fn no_answer_runs_is_framed_is_kept_or_tells_where_it_came_from() {
    let app = App::start().await;
    let (base, client) = (&app.instances[0].url, Client::new());
    let alice = app.person("alice");
    for (method, path) in [
        (Method::GET, "/v1/me"),
        (Method::GET, "/v1/events"),
        (Method::GET, "/v1/events/stream"),
        (Method::GET, "/v1/nothing"),
        (Method::POST, "/v1/conversations"),
        (Method::TRACE, "/v1/me"),
        (Method::GET, "/healthz"),
        (Method::GET, "/metrics"),
        (Method::GET, "/openapi.json"),
        (Method::GET, "/docs/"),
        (Method::GET, "/client.js"),
    ] {
        let request = client.request(method.clone(), format!("{base}{path}"));
        let answer = request
            .bearer_auth(&alice.token)
            .send()
            .await
            .expect("the service answers");
        let header = |name: &str| {
            let value = answer.headers().get(name);
            value.map_or("", |value| value.to_str().expect("text"))
        };
        let policy = header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{method} {path}: {policy}");
        }
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
        let is_data = path.starts_with("/v1/");
        assert!(
            !is_data || header("cache-control").contains("no-store"),
            "{path}"
        );
        // It would say back what a script may not read.
        assert!(method != Method::TRACE || answer.status().is_client_error());
    }
}
