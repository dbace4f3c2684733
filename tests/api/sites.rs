//! Browsers: what a cookie is good for, and which sites may call.

use reqwest::Method;
use serde_json::json;

use crate::auth::{anonymous, answer};
use crate::listener::Listener;
use crate::support::App;

const SITE: &str = "https://site.example";
const FOREIGN: &str = "https://elsewhere.example";

async fn with_site() -> App {
    App::with(1, "origins=[\"https://site.example\"]").await
}

#[tokio::test]
async fn a_cookie_is_enough_to_read_and_to_stream() {
    let app = with_site().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cookie = format!("theme=dark; access_token={}", bob.token);
    let get = |path| anonymous(&app, Method::GET, path).header("Cookie", &cookie);
    assert_eq!(answer(get("/v1/me")).await.ok()["id"], "bob");
    let mut stream = Listener::open(get("/v1/events/stream")).await;
    stream.until("hello").await;
    alice.say(&conversation, "hi").await.ok();
    assert_eq!(
        stream.until("message.created").await.data["data"]["message"]["content"],
        "hi"
    );
    let bad = anonymous(&app, Method::GET, "/v1/me").header("Cookie", "access_token=x");
    assert_eq!(answer(bad).await.code(), "token-invalid");
}

#[tokio::test]
async fn a_change_by_cookie_needs_an_allowed_origin_and_a_header_no_form_can_set() {
    let app = with_site().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let cookie = format!("access_token={}", alice.token);
    let post = |headers: &[(&str, &str)]| {
        let post = anonymous(&app, Method::POST, &path)
            .header("Cookie", &cookie)
            .json(&json!({ "content": "x" }));
        headers
            .iter()
            .fold(post, |post, (name, value)| post.header(*name, *value))
    };
    let script = ("X-Requested-With", "XMLHttpRequest");
    for headers in [
        &[][..],
        &[("Origin", SITE)],
        &[script],
        &[("Origin", "null"), script],
        &[("Origin", FOREIGN), script],
        &[("Origin", "https://site.example.evil.example"), script],
        &[("Origin", "http://site.example"), script],
        &[("Referer", SITE), script],
    ] {
        let refused = answer(post(headers)).await;
        assert_eq!(refused.status, 403, "{headers:?}: {}", refused.text);
        assert!(
            ["cross-site", "forbidden"].contains(&refused.code()),
            "{headers:?}: {}",
            refused.text
        );
    }
    assert_eq!(answer(post(&[])).await.code(), "cross-site");
    assert_eq!(answer(post(&[("Origin", SITE)])).await.code(), "cross-site");
    for (method, path) in [
        (Method::DELETE, format!("/v1/conversations/{conversation}")),
        (Method::POST, "/v1/stream-tickets".to_owned()),
        (
            Method::POST,
            format!("/v1/conversations/{conversation}/read"),
        ),
        (Method::PUT, "/v1/users/bob".to_owned()),
    ] {
        let request = anonymous(&app, method, &path).header("Cookie", &cookie);
        assert_eq!(answer(request).await.code(), "cross-site", "{path}");
    }
    // Rocket takes a method from a form; a form is no way around.
    let form = anonymous(
        &app,
        Method::POST,
        &format!("/v1/conversations/{conversation}"),
    )
    .header("Cookie", &cookie);
    let form = form
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body("_method=delete");
    assert_eq!(answer(form).await.status, 403);
    assert_eq!(
        app.database.number("select count(*) from messages").await,
        0
    );
    assert_eq!(answer(post(&[("Origin", SITE), script])).await.status, 201);
    // With a header no browser adds by itself there is nothing to forge.
    assert_eq!(alice.say(&conversation, "y").await.status, 201);
}

#[tokio::test]
async fn an_allowed_site_may_call_from_a_browser_and_a_foreign_one_may_not() {
    let app = with_site().await;
    let alice = app.person("alice");
    let preflight = |origin: &str, method: &str| {
        let options =
            anonymous(&app, Method::OPTIONS, "/v1/conversations").header("Origin", origin);
        options.header("Access-Control-Request-Method", method)
            .header("Access-Control-Request-Headers", "authorization, content-type, if-none-match, last-event-id, idempotency-key, x-requested-with")
    };
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let allowed = answer(preflight(SITE, method)).await;
        assert!(
            allowed.status < 300,
            "{method}: {} {}",
            allowed.status,
            allowed.text
        );
        assert_eq!(allowed.header("Access-Control-Allow-Origin"), Some(SITE));
        assert_eq!(
            allowed.header("Access-Control-Allow-Credentials"),
            Some("true")
        );
        let methods = allowed
            .header("Access-Control-Allow-Methods")
            .unwrap_or_default();
        assert!(methods.contains(method), "{methods}");
        let headers = allowed
            .header("Access-Control-Allow-Headers")
            .unwrap_or_default()
            .to_lowercase();
        assert!(
            headers.contains("authorization") && headers.contains("idempotency-key"),
            "{headers}"
        );
    }
    for path in [
        "/v1/me",
        "/v1/events",
        "/v1/conversations/nothing",
        "/v1/nothing",
        "/v1/events?since=x",
    ] {
        let answer = answer(alice.request(Method::GET, path).header("Origin", SITE)).await;
        assert_eq!(
            answer.header("Access-Control-Allow-Origin"),
            Some(SITE),
            "{path} {}",
            answer.status
        );
        let exposed = answer
            .header("Access-Control-Expose-Headers")
            .unwrap_or_default()
            .to_lowercase();
        for name in [
            "etag",
            "retry-after",
            "x-poll-interval",
            "x-request-id",
            "idempotency-replayed",
            "location",
        ] {
            assert!(exposed.contains(name), "{path}: {name} in {exposed}");
        }
        for name in ["Authorization", "Cookie", "Origin"] {
            assert!(
                answer.header("Vary").unwrap_or_default().contains(name),
                "{path}"
            );
        }
    }
    let nobody = answer(anonymous(&app, Method::GET, "/v1/me").header("Origin", SITE)).await;
    assert_eq!(
        (nobody.status, nobody.header("Access-Control-Allow-Origin")),
        (401, Some(SITE))
    );

    for foreign in [FOREIGN, "null", "https://site.example:8443"] {
        for request in [
            preflight(foreign, "POST"),
            alice
                .request(Method::GET, "/v1/me")
                .header("Origin", foreign),
        ] {
            let answer = answer(request).await;
            assert_eq!(
                answer.header("Access-Control-Allow-Origin"),
                None,
                "{foreign}"
            );
            assert_eq!(
                answer.header("Access-Control-Allow-Credentials"),
                None,
                "{foreign}"
            );
        }
    }
    // A person who types the address has no Origin at all.
    alice.get("/v1/me").await.ok();
}
