//! The log: one line for each request, whoever refused it, and nothing in it that is nobody's business.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::auth::{anonymous, answer, token};
use crate::sse::Sse;
use crate::support::{Answer, App, Person, eventually};

pub const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
pub const PARENT: &str = "00f067aa0ba902b7";

/// The lines with this message.
pub fn lines(app: &App, message: &str) -> Vec<Value> {
    let log = app.instances[0].log();
    let lines = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")));
    lines
        .filter(|line: &Value| line["message"] == message)
        .collect()
}

/// The one line of a request. What is written after it has been read when `fence` is there.
pub async fn line_of(app: &App, id: &str) -> Value {
    static FENCES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = FENCES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let fence = format!("fence-{n}");
    let last = anonymous(app, Method::GET, "/v1/nothing").header("X-Request-Id", &fence);
    assert_eq!(answer(last).await.status, 404);
    eventually("the line of a later request", async || {
        let mut lines = lines(app, "request").into_iter();
        lines.find(|line| line["request.id"] == fence)
    })
    .await;
    let mut of: Vec<_> = lines(app, "request");
    of.retain(|line| line["request.id"] == id);
    assert_eq!(of.len(), 1, "{id}: {of:?}");
    of.remove(0)
}

pub fn id_of(answer: &Answer) -> String {
    answer.header("X-Request-Id").expect("an id").to_owned()
}

/// Sends a request and holds its line against what it was.
pub async fn holds(app: &App, request: RequestBuilder, expected: Value) -> Value {
    let answer = answer(request).await;
    let line = line_of(app, &id_of(&answer)).await;
    assert_eq!(line["status"], answer.status, "{line}");
    for (field, value) in expected.as_object().expect("fields") {
        let found = line.get(field).unwrap_or(&Value::Null);
        assert_eq!(found, value, "{field}: {line}");
    }
    assert!(line["duration.ms"].as_f64().is_some_and(|ms| ms >= 0.0));
    let known = [
        "timestamp",
        "level",
        "target",
        "message",
        "method",
        "route",
        "status",
        "duration.ms",
        "request.id",
        "tenant.id",
        "user.id",
        "trace.id",
        "parent.id",
    ];
    let fields = line.as_object().expect("fields");
    assert!(
        fields.keys().all(|field| known.contains(&&**field)),
        "{line}"
    );
    line
}

const ROUTE: &str = "/v1/conversations/<id>/messages";

#[tokio::test]
async fn a_request_has_one_line_that_names_its_route_and_who_asked() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let one = format!("/v1/conversations/{conversation}/messages?x=y");
    let say = |body: Value| alice.request(Method::POST, &one).json(&body);
    let get = |path: &str| alice.request(Method::GET, path);
    let no_json = alice.request(Method::POST, &one).body("Bonjour");
    let (me, of) = ("/v1/me", "/v1/conversations/<id>");
    for (request, method, route, status) in [
        (get(me), "GET", me, 200),
        (alice.request(Method::HEAD, me), "HEAD", me, 200),
        (say(json!({ "content": "Bonjour" })), "POST", ROUTE, 201),
        // Refused after the guard knew who it is.
        (say(json!({ "content": "" })), "POST", ROUTE, 422),
        (say(json!("Bonjour")), "POST", ROUTE, 422),
        (no_json, "POST", ROUTE, 415),
        (get("/v1/events?since=x"), "GET", "/v1/events", 400),
        (get("/v1/conversations/x"), "GET", of, 404),
    ] {
        let expected = json!({ "method": method, "route": route, "status": status, "tenant.id": "default", "user.id": "alice" });
        holds(&app, request, expected).await;
    }
    let eve = app.person("eve").request(Method::GET, &one);
    holds(&app, eve, json!({ "user.id": "eve", "status": 404 })).await;
    let log = app.instances[0].log();
    for secret in ["Bonjour", "x=y", &alice.token] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn nobody_is_named_whose_token_did_not_count() {
    let app = App::with(1, "origins=[\"https://site.example\"]").await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let one = format!("/v1/conversations/{conversation}/messages");
    let cookie = format!("access_token={}", alice.token);
    let plain = |method, path: &str| anonymous(&app, method, path);
    let by_cookie = || plain(Method::POST, &one).header("Cookie", &cookie);
    let get = |path: &str| plain(Method::GET, path);
    let in_url = format!("/v1/me?token={}", alice.token);
    let preflight = plain(Method::OPTIONS, "/v1/me").header("Origin", "https://site.example");
    let preflight = preflight.header("Access-Control-Request-Method", "GET");
    let foreign = by_cookie().header("Origin", "https://evil.example");
    for (request, method, route, status) in [
        (get("/healthz"), "GET", "/healthz", 200),
        (get("/v1/me"), "GET", "/v1/me", 401),
        (get("/v1/me").bearer_auth("x"), "GET", "/v1/me", 401),
        (get(&in_url).bearer_auth(&alice.token), "GET", "/v1/me", 400),
        (
            alice.request(Method::GET, "/v1/nothing"),
            "GET",
            "none",
            404,
        ),
        // From where it may not; and what rocket_cors answers by itself, as it was asked and as it was answered.
        (by_cookie(), "POST", ROUTE, 403),
        (foreign, "POST", "/cors/<status>", 403),
        (preflight, "OPTIONS", "none", 204),
    ] {
        let expected = json!({ "method": method, "route": route, "status": status, "tenant.id": null, "user.id": null });
        holds(&app, request, expected).await;
    }
    let read = get("/v1/me").header("Cookie", &cookie);
    holds(&app, read, json!({ "status": 200, "user.id": "alice" })).await;
    let log = app.instances[0].log();
    assert!(!log.contains(&alice.token) && !log.contains("token="));
}

#[tokio::test]
async fn idle_polls_leave_no_line_and_what_is_new_leaves_one() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let first = bob.get("/v1/events").await;
    let (since, etag) = (
        first.cursor(),
        first.header("ETag").expect("one").to_owned(),
    );
    let polls = |app: &App| {
        let mut polls = lines(app, "request");
        polls.retain(|line| line["route"] == "/v1/events" && line["user.id"] == "bob");
        polls.len()
    };
    line_of(&app, &id_of(&bob.get("/v1/me").await)).await;
    let before = polls(&app);
    for n in 0..100 {
        let path = format!("/v1/events?since={since}");
        let poll = bob.request(Method::GET, &path);
        let poll = if n % 2 == 0 {
            poll
        } else {
            poll.header("If-None-Match", &etag)
        };
        let status = answer(poll).await.status;
        assert_eq!(status, if n % 2 == 0 { 200 } else { 304 });
    }
    line_of(&app, &id_of(&bob.get("/v1/me").await)).await;
    assert_eq!(polls(&app), before, "idle");
    alice.say(&conversation, "hi").await.ok();
    let poll = bob.poll(&since, "&wait=20").await;
    let line = line_of(&app, &id_of(&poll)).await;
    assert_eq!(
        (&line["route"], &line["user.id"]),
        (&json!("/v1/events"), &json!("bob"))
    );
    assert_eq!(polls(&app), before + 1);
}

#[tokio::test]
async fn a_stream_has_a_line_when_it_opens_and_one_when_it_ends() {
    let app = App::start().await;
    let open = async |id: &str, ends_in: i64| {
        let exp = chrono::Utc::now().timestamp() + ends_in;
        let by = Person {
            token: token(json!({ "sub": "alice", "exp": exp })),
            ..app.person("alice")
        };
        let stream = by.request(Method::GET, "/v1/events/stream");
        let trace = format!("00-{TRACE}-{PARENT}-01");
        let stream = stream
            .header("X-Request-Id", id)
            .header("traceparent", trace);
        let mut stream = Sse::of(stream.send().await.expect("the service answers"));
        stream.until("hello").await;
        stream
    };
    drop(open("leaves", 600).await);
    let mut expires = open("expires", -28).await;
    expires.until("goodbye").await;
    for (id, reason) in [("leaves", "client-left"), ("expires", "token-expired")] {
        let opened = line_of(&app, id).await;
        assert_eq!(opened["route"], "/v1/events/stream");
        let ended = eventually("the line of its end", async || {
            let mut ended = lines(&app, "stream ended").into_iter();
            ended.find(|line| line["request.id"] == id)
        });
        let ended = ended.await;
        assert_eq!(
            (&ended["reason"], &ended["user.id"]),
            (&json!(reason), &json!("alice"))
        );
        assert_eq!(
            (&ended["tenant.id"], &ended["trace.id"]),
            (&json!("default"), &json!(TRACE))
        );
        assert!(ended["duration.ms"].as_u64().is_some());
    }
}
