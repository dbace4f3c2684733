//! Browsers: what a cookie is good for, and which sites may call.

use reqwest::{Method, RequestBuilder};
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

const SCRIPT: (&str, &str) = ("X-Requested-With", "XMLHttpRequest");

#[tokio::test]
async fn a_change_by_cookie_needs_an_allowed_origin_and_a_header_no_form_can_set() {
    let app = with_site().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let cookie = format!("access_token={}", alice.token);
    let post = |headers: &[(&str, &str)]| {
        let post = anonymous(&app, Method::POST, &path).header("Cookie", &cookie);
        let post = post.json(&json!({ "content": "x" }));
        headers
            .iter()
            .fold(post, |post, (name, value)| post.header(*name, *value))
    };
    for headers in [
        &[][..],
        &[("Origin", SITE)],
        &[SCRIPT],
        &[("Referer", SITE), SCRIPT],
    ] {
        let refused = answer(post(headers)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (403, "cross-site"),
            "{headers:?}"
        );
    }
    for origin in [
        "null",
        FOREIGN,
        "https://site.example.evil.example",
        "http://site.example",
    ] {
        let refused = answer(post(&[("Origin", origin), SCRIPT])).await;
        assert_eq!(refused.status, 403, "{origin}: {}", refused.text);
        assert!(
            refused.body["code"].is_string(),
            "{origin}: {}",
            refused.text
        );
    }
    assert_eq!(
        app.database.number("select count(*) from messages").await,
        0
    );
    assert_eq!(answer(post(&[("Origin", SITE), SCRIPT])).await.status, 201);
    // With a header no browser adds by itself there is nothing to forge.
    assert_eq!(alice.say(&conversation, "y").await.status, 201);
}

#[tokio::test]
async fn no_way_of_changing_something_by_cookie_is_left_open() {
    let app = with_site().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let one = format!("/v1/conversations/{conversation}");
    let cookie = format!("access_token={}", alice.token);
    for (method, path) in [
        (Method::DELETE, one.clone()),
        (Method::POST, format!("{one}/read")),
        (Method::POST, "/v1/stream-tickets".to_owned()),
        (Method::POST, "/v1/conversations".to_owned()),
        (Method::PUT, "/v1/users/bob".to_owned()),
    ] {
        let request = anonymous(&app, method, &path).header("Cookie", &cookie);
        assert_eq!(answer(request).await.code(), "cross-site", "{path}");
    }
    // Rocket takes a method from a form; a form is no way around.
    let form = anonymous(&app, Method::POST, &one).header("Cookie", &cookie);
    let form = form.header("Content-Type", "application/x-www-form-urlencoded");
    let refused = answer(form.body("_method=delete")).await;
    assert_eq!((refused.status, refused.code()), (404, "route-unknown"));
    let hidden = "select count(*) from members where deleted_up_to is not null";
    assert_eq!(app.database.number(hidden).await, 0);
}

/// What a browser asks before a request that a form could not make.
fn preflight(app: &App, origin: &str, method: &str) -> RequestBuilder {
    let asked = "authorization, content-type, if-none-match, last-event-id, idempotency-key, x-requested-with";
    anonymous(app, Method::OPTIONS, "/v1/conversations")
        .header("Origin", origin)
        .header("Access-Control-Request-Method", method)
        .header("Access-Control-Request-Headers", asked)
}

#[tokio::test]
async fn an_allowed_site_may_call_from_a_browser() {
    let app = with_site().await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let allowed = answer(preflight(&app, SITE, method)).await;
        assert!(
            allowed.status < 300,
            "{method}: {} {}",
            allowed.status,
            allowed.text
        );
        let header = |name: &str| {
            allowed
                .header(&format!("Access-Control-Allow-{name}"))
                .unwrap_or_default()
        };
        assert_eq!((header("Origin"), header("Credentials")), (SITE, "true"));
        assert!(header("Methods").contains(method), "{}", header("Methods"));
        let headers = header("Headers").to_lowercase();
        assert!(
            headers.contains("authorization") && headers.contains("idempotency-key"),
            "{headers}"
        );
    }
}

#[tokio::test]
async fn an_allowed_site_may_read_every_answer_and_its_headers() {
    let app = with_site().await;
    let alice = app.person("alice");
    let exposed = [
        "etag",
        "retry-after",
        "x-poll-interval",
        "x-request-id",
        "idempotency-replayed",
        "location",
    ];
    for path in [
        "/v1/me",
        "/v1/events",
        "/v1/conversations/x",
        "/v1/nothing",
        "/v1/events?since=x",
    ] {
        let answer = answer(alice.request(Method::GET, path).header("Origin", SITE)).await;
        let header = |name: &str| answer.header(name).unwrap_or_default().to_lowercase();
        assert_eq!(
            header("Access-Control-Allow-Origin"),
            SITE,
            "{path} {}",
            answer.status
        );
        let shown = header("Access-Control-Expose-Headers");
        assert!(
            exposed.iter().all(|name| shown.contains(name)),
            "{path}: {shown}"
        );
        let vary = header("Vary");
        assert!(
            ["authorization", "cookie", "origin"]
                .iter()
                .all(|name| vary.contains(name)),
            "{vary}"
        );
    }
    let nobody = answer(anonymous(&app, Method::GET, "/v1/me").header("Origin", SITE)).await;
    let shown = nobody.header("Access-Control-Allow-Origin");
    assert_eq!(
        (nobody.status, shown),
        (401, Some(SITE)),
        "a page may read why"
    );
}

#[tokio::test]
async fn a_foreign_site_is_allowed_nothing() {
    let app = with_site().await;
    let alice = app.person("alice");
    for foreign in [FOREIGN, "null", "https://site.example:8443"] {
        let get = alice
            .request(Method::GET, "/v1/me")
            .header("Origin", foreign);
        for request in [preflight(&app, foreign, "POST"), get] {
            let answer = answer(request).await;
            for name in [
                "Access-Control-Allow-Origin",
                "Access-Control-Allow-Credentials",
            ] {
                assert_eq!(answer.header(name), None, "{foreign}");
            }
        }
    }
    // Whoever types the address has no Origin at all.
    alice.get("/v1/me").await.ok();
}
