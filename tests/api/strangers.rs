//! Who is nobody, and who is nobody here: no token that holds, or another's things.

use causerie::auth::mint;
use reqwest::{Client, Method};
use serde_json::json;

use crate::auth::token;
use crate::bad_requests::method;
use crate::refusals::{Scene, assert_problem, everything};
use crate::support::{Answer, Person};

/// Every address that wants to know who asks.
const ADDRESSES: &[(&str, &str)] = &[
    ("GET", "/v1/me"),
    ("GET", "/v1/users/bob"),
    ("PUT", "/v1/users/bob"),
    ("PUT", "/v1/users"),
    ("POST", "/v1/conversations"),
    ("GET", "/v1/conversations"),
    ("GET", "/v1/conversations/{conversation}"),
    ("DELETE", "/v1/conversations/{conversation}"),
    ("GET", "/v1/conversations/{conversation}/messages"),
    ("POST", "/v1/conversations/{conversation}/messages"),
    ("POST", "/v1/conversations/{conversation}/read"),
    ("GET", "/v1/messages/{message}"),
    ("POST", "/v1/messages/{message}/read"),
    ("GET", "/v1/unread"),
    ("GET", "/v1/sync"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events/stream"),
    ("POST", "/v1/stream-tickets"),
];

/// An answer without what may differ: the address asked for and the request's own id.
fn bare(answer: &Answer) -> String {
    let mut text = answer.text.clone();
    for field in ["instance", "requestId"] {
        let value = answer.body[field].as_str().expect("a problem");
        text = text.replace(value, "");
    }
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date", "content-length"].contains(&name.as_str()))
        .collect();
    headers.sort_by_key(|(name, _)| name.as_str());
    format!("{} {headers:?} {text}", answer.status)
}

#[tokio::test]
async fn what_is_anothers_looks_like_what_does_not_exist() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let addresses = [
        ("GET", "/v1/conversations/ID", None),
        ("DELETE", "/v1/conversations/ID", None),
        ("GET", "/v1/conversations/ID/messages", None),
        ("GET", "/v1/conversations/ID/messages?since=0", None),
        ("GET", "/v1/conversations/ID/messages?before=2", None),
        ("GET", "/v1/conversations/ID/messages?page=1", None),
        (
            "POST",
            "/v1/conversations/ID/messages",
            Some(json!({ "content": "x" })),
        ),
        (
            "POST",
            "/v1/conversations/ID/messages",
            Some(json!({ "content": "x", "clientMessageId": "c" })),
        ),
        ("POST", "/v1/conversations/ID/read", None),
        (
            "POST",
            "/v1/conversations/ID/read",
            Some(json!({ "upTo": 1 })),
        ),
        (
            "POST",
            "/v1/conversations/ID/read",
            Some(json!({ "upTo": 99 })),
        ),
        ("GET", "/v1/messages/ID", None),
        ("POST", "/v1/messages/ID/read", None),
    ];
    for (name, path, body) in addresses {
        let real = if path.starts_with("/v1/messages") {
            &scene.message
        } else {
            &scene.conversation
        };
        let random = uuid::Uuid::now_v7().to_string();
        let mut answers = Vec::new();
        for id in [
            real.as_str(),
            &random,
            "abc",
            &real.to_uppercase(),
            &real.replace('-', ""),
            "%00",
            "..%2f",
            "-1",
        ] {
            let path = path.replace("ID", id);
            let answer = scene
                .request(&scene.mallory, method(name), &path, body.clone())
                .send("en")
                .await;
            assert_problem(&answer, &path, 404, "not-found", None);
            answers.push(bare(&answer));
        }
        assert!(
            answers.iter().all(|answer| *answer == answers[0]),
            "{name} {path}: {answers:#?}"
        );
    }
    let stranger = |id: &str| {
        scene.request(
            &scene.mallory,
            Method::GET,
            &format!("/v1/users/{id}"),
            None,
        )
    };
    let (bob, nobody) = (
        stranger("bob").send("en").await,
        stranger("nobody").send("en").await,
    );
    assert_eq!((bob.status, bare(&bob)), (404, bare(&nobody)));
    for id in ["%00", "a%0Ab", &"u".repeat(129), "%F0%9F%98%80"] {
        for by in [&scene.mallory, &scene.service] {
            scene
                .request(by, Method::GET, &format!("/v1/users/{id}"), None)
                .is_refused(404, "not-found", None)
                .await;
        }
    }
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
}

#[tokio::test]
async fn every_address_wants_a_token_that_holds_and_none_in_its_url() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let now = chrono::Utc::now().timestamp();
    let claims = causerie::auth::Claims::new("alice", now, now + 600);
    let forged = mint("another-secret-that-is-as-long-as-it-should-be", &claims).expect("a token");
    let expired = token(json!({ "sub": "alice", "exp": now - 60 }));
    let payload = scene
        .alice
        .token
        .split('.')
        .nth(1)
        .expect("a payload")
        .to_owned();
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let bad = [
        (forged.as_str(), "token-invalid"),
        (&expired, "token-expired"),
        (&unsigned, "token-invalid"),
        ("", "token-invalid"),
        ("nonsense", "token-invalid"),
        (&token(json!({ "sub": "alice" })), "token-invalid"),
        (&token(json!({ "exp": now + 60 })), "token-invalid"),
        (
            &token(json!({ "sub": "", "exp": now + 60 })),
            "token-invalid",
        ),
        (
            &token(json!({ "sub": "a\0", "exp": now + 60 })),
            "token-invalid",
        ),
        (
            &token(json!({ "sub": "a", "tenant": "", "exp": now + 60 })),
            "token-invalid",
        ),
        (
            &token(json!({ "sub": "a", "exp": "soon" })),
            "token-invalid",
        ),
        (
            &token(json!({ "sub": "a", "exp": now + 60, "nbf": now + 3600 })),
            "token-invalid",
        ),
        (&"x".repeat(9000), "token-invalid"),
    ];
    let base = &scene.app.instances[0].url;
    for (name, path) in ADDRESSES {
        let what = format!("{name} {path}");
        let request = scene.request(&scene.alice, method(name), path, None);
        let nobody = scene
            .alice
            .send(Client::new().request(method(name), format!("{base}{}", request.path)))
            .await;
        assert_problem(&nobody, &what, 401, "token-missing", None);
        for parameter in ["token", "access_token", "jwt", "x"] {
            let in_url = Client::new().request(
                method(name),
                format!("{base}{}?{parameter}={}", request.path, scene.alice.token),
            );
            assert_problem(
                &scene
                    .alice
                    .send(in_url.bearer_auth(&scene.alice.token))
                    .await,
                &what,
                400,
                "token-in-url",
                None,
            );
        }
    }
    for (bad, code) in bad {
        let by = Person {
            token: bad.to_owned(),
            ..scene.alice.clone()
        };
        scene
            .request(&by, Method::GET, "/v1/me", None)
            .is_refused(401, code, None)
            .await;
        scene
            .request(&by, Method::POST, "/v1/stream-tickets", None)
            .is_refused(401, code, None)
            .await;
    }
    // Within the leeway an expired token is still good.
    let late = Person {
        token: token(json!({ "sub": "alice", "exp": now - 10 })),
        ..scene.alice.clone()
    };
    late.get("/v1/me").await.ok();
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
    assert!(!scene.app.instances[0].log().contains(&scene.alice.token));
}
