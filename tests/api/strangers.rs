//! Who is nobody, and who is nobody here: no token that holds, or another's things.

use causerie::auth::mint;
use reqwest::{Client, Method};
use serde_json::json;

use crate::auth::token;
use crate::bad_requests::method;
use crate::refusals::{Scene, assert_problem, everything};
use crate::support::{Answer, Person, eventually};

/// Every address that wants to know who asks.
const ADDRESSES: &[(&str, &str)] = &[
    ("GET", "/v1/me"),
    ("GET", "/v1/users/bob"),
    ("PUT", "/v1/users/bob"),
    ("PUT", "/v1/users"),
    ("POST", "/v1/conversations"),
    ("GET", "/v1/conversations"),
    ("GET", "/v1/conversations/{conversation}"),
    ("PATCH", "/v1/me"),
    ("PATCH", "/v1/conversations/{conversation}"),
    ("DELETE", "/v1/conversations/{conversation}"),
    ("GET", "/v1/conversations/{conversation}/members"),
    ("POST", "/v1/conversations/{conversation}/members"),
    ("PATCH", "/v1/conversations/{conversation}/members/bob"),
    ("DELETE", "/v1/conversations/{conversation}/members/me"),
    ("GET", "/v1/conversations/{conversation}/messages"),
    ("POST", "/v1/conversations/{conversation}/messages"),
    ("POST", "/v1/conversations/{conversation}/read"),
    ("PUT", "/v1/conversations/{conversation}/typing"),
    ("GET", "/v1/presence"),
    ("GET", "/v1/messages/{message}"),
    ("PATCH", "/v1/messages/{message}"),
    ("DELETE", "/v1/messages/{message}"),
    ("GET", "/v1/messages/{message}/revisions"),
    ("GET", "/v1/messages/{message}/receipts"),
    ("GET", "/v1/admin/messages/{message}/trace"),
    ("POST", "/v1/delivered"),
    ("POST", "/v1/messages/{message}/read"),
    ("GET", "/v1/unread"),
    ("GET", "/v1/sync"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events/stream"),
    ("POST", "/v1/stream-tickets"),
];

/// An answer without what may differ: the address asked for and the request's own id.
pub fn bare(answer: &Answer) -> String {
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

/// What names a conversation or a message, and the body that goes with it.
const THINGS: &[(&str, &str, &str)] = &[
    ("GET", "/v1/conversations/ID", ""),
    ("DELETE", "/v1/conversations/ID", ""),
    ("PATCH", "/v1/conversations/ID", r#"{"subject":"x"}"#),
    ("PATCH", "/v1/conversations/ID", r#"{"closed":true}"#),
    ("PATCH", "/v1/conversations/ID", r#"{"status":"ARCHIVED"}"#),
    ("PATCH", "/v1/conversations/ID", "{}"),
    ("GET", "/v1/conversations/ID/members", ""),
    ("GET", "/v1/conversations/ID/members?limit=1", ""),
    (
        "POST",
        "/v1/conversations/ID/members",
        r#"{"memberIds":["alice"]}"#,
    ),
    (
        "PATCH",
        "/v1/conversations/ID/members/alice",
        r#"{"role":"ADMIN"}"#,
    ),
    ("DELETE", "/v1/conversations/ID/members/alice", ""),
    ("DELETE", "/v1/conversations/ID/members/me", ""),
    ("GET", "/v1/conversations/ID/messages", ""),
    ("GET", "/v1/conversations/ID/messages?since=0", ""),
    ("GET", "/v1/conversations/ID/messages?before=2", ""),
    ("GET", "/v1/conversations/ID/messages?page=1", ""),
    (
        "POST",
        "/v1/conversations/ID/messages",
        r#"{"content":"x"}"#,
    ),
    (
        "POST",
        "/v1/conversations/ID/messages",
        r#"{"content":"x","clientMessageId":"c"}"#,
    ),
    ("POST", "/v1/conversations/ID/read", ""),
    ("POST", "/v1/conversations/ID/read", r#"{"upTo":1}"#),
    ("POST", "/v1/conversations/ID/read", r#"{"upTo":99}"#),
    ("PUT", "/v1/conversations/ID/typing", r#"{"isTyping":true}"#),
    (
        "PUT",
        "/v1/conversations/ID/typing",
        r#"{"isTyping":false}"#,
    ),
    ("GET", "/v1/messages/ID", ""),
    ("PATCH", "/v1/messages/ID", r#"{"content":"x"}"#),
    ("DELETE", "/v1/messages/ID", ""),
    ("GET", "/v1/messages/ID/revisions", ""),
    ("GET", "/v1/messages/ID/receipts", ""),
    ("POST", "/v1/messages/ID/read", ""),
];

async fn of_another_tenant(scene: &Scene, id: &str, role: Option<&str>) -> Person {
    let person = Person::with(&scene.alice.base, id, |claims| {
        claims.tenant = Some("other".to_owned());
        claims.role = role.map(str::to_owned);
    });
    person.get("/v1/me").await.ok();
    person
}

#[tokio::test]
async fn what_is_anothers_looks_like_what_does_not_exist() {
    let scene = Scene::set().await;
    // The same id is another person there, and a host's backend knows no other tenant.
    let elsewhere = of_another_tenant(&scene, "alice", None).await;
    let host = of_another_tenant(&scene, "backend", Some("service")).await;
    let before = everything(&scene.app.database).await;
    for (name, path, body) in THINGS {
        let is_message = path.starts_with("/v1/messages");
        let real = if is_message {
            &scene.message
        } else {
            &scene.conversation
        };
        let random = uuid::Uuid::now_v7().to_string();
        let (upper, short) = (real.to_uppercase(), real.replace('-', ""));
        let mut answers = Vec::new();
        for (by, id) in [
            (&elsewhere, real.as_str()),
            (&host, real.as_str()),
            (&host, random.as_str()),
        ] {
            // A backend has no side of its own to put a conversation on, and is told so whatever the id.
            if by.id == "backend" && body.contains("status") {
                continue;
            }
            let path = path.replace("ID", id);
            let body = serde_json::from_str(body).ok();
            let request = scene.request(by, method(name), &path, body);
            let answer = request.send("en").await;
            assert_problem(&answer, &path, 404, "not-found", None);
            answers.push(bare(&answer));
        }
        for id in [
            real.as_str(),
            &random,
            &upper,
            &short,
            "abc",
            "%00",
            "..%2f",
            "-1",
        ] {
            let path = path.replace("ID", id);
            let body = serde_json::from_str(body).ok();
            let request = scene.request(&scene.mallory, method(name), &path, body);
            let answer = request.send("en").await;
            assert_problem(&answer, &path, 404, "not-found", None);
            answers.push(bare(&answer));
        }
        let equal = answers.iter().all(|answer| *answer == answers[0]);
        assert!(equal, "{name} {path}: {answers:#?}");
    }
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
}

#[tokio::test]
async fn a_person_one_does_not_know_looks_like_one_who_does_not_exist() {
    let scene = Scene::set().await;
    let ask = async |id: &str| {
        let path = format!("/v1/users/{id}");
        let request = scene.request(&scene.mallory, Method::GET, &path, None);
        request.send("en").await
    };
    let (bob, nobody) = (ask("bob").await, ask("nobody").await);
    assert_eq!((bob.status, bare(&bob)), (404, bare(&nobody)));
    for id in ["%00", "a%0Ab", &"u".repeat(129), "%F0%9F%98%80"] {
        let path = format!("/v1/users/{id}");
        for by in [&scene.mallory, &scene.service] {
            let request = scene.request(by, Method::GET, &path, None);
            request.is_refused(404, "not-found", None).await;
        }
    }
}

#[tokio::test]
async fn every_address_wants_a_token_and_none_in_its_url() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let (alice, base) = (&scene.alice, &scene.app.instances[0].url);
    for (name, path) in ADDRESSES {
        let what = format!("{name} {path}");
        let path = scene.request(alice, method(name), path, None).path;
        let plain =
            |query: &str| Client::new().request(method(name), format!("{base}{path}{query}"));
        assert_problem(
            &alice.send(plain("")).await,
            &what,
            401,
            "token-missing",
            None,
        );
        for parameter in ["token", "access_token", "jwt", "x"] {
            let in_url = plain(&format!("?{parameter}={}", alice.token));
            for request in [
                in_url.try_clone().expect("no body"),
                in_url.bearer_auth(&alice.token),
            ] {
                let answer = alice.send(request).await;
                assert_problem(&answer, &what, 400, "token-in-url", None);
            }
        }
    }
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
    // Nor does one of a mistaken address, or of a wrong method, come to stand in a log.
    for (name, path) in [("GET", "/v1/nothing"), ("DELETE", "/v1/me")] {
        let url = format!("{base}{path}?token={}", alice.token);
        let request = Client::new().request(method(name), url);
        let answer = alice
            .send(request.header("X-Request-Id", path.replace('/', ".")))
            .await;
        assert_eq!(answer.status, 404);
    }
    eventually("the log of the last of them", async || {
        scene.app.instances[0]
            .log()
            .contains(".v1.me")
            .then_some(())
    })
    .await;
    assert!(!scene.app.instances[0].log().contains(&alice.token));
}

#[tokio::test]
async fn a_token_must_be_signed_for_somebody_and_for_now() {
    let scene = Scene::set().await;
    let before = everything(&scene.app.database).await;
    let now = chrono::Utc::now().timestamp();
    let claims = causerie::auth::Claims::new("alice", now, now + 600);
    let forged = mint("another-secret-that-is-as-long-as-it-should-be", &claims).expect("a token");
    let payload = scene.alice.token.split('.').nth(1).expect("a payload");
    let unsigned = format!("eyJhbGciOiJub25lIn0.{payload}.");
    let mut bad = vec![
        forged,
        unsigned,
        String::new(),
        "nonsense".to_owned(),
        "x".repeat(9000),
    ];
    for claims in [
        json!({ "sub": "alice" }),
        json!({ "exp": now + 60 }),
        json!({ "sub": "", "exp": now + 60 }),
        json!({ "sub": "a\0", "exp": now + 60 }),
        json!({ "sub": "a", "tenant": "", "exp": now + 60 }),
        json!({ "sub": "a", "exp": "soon" }),
        json!({ "sub": "a", "exp": now + 60, "nbf": now + 3600 }),
    ] {
        bad.push(token(claims));
    }
    let by = |token: String| Person {
        token,
        ..scene.alice.clone()
    };
    let refused = async |token: String, code: &str| {
        let by = by(token);
        for (method, path) in [
            (Method::GET, "/v1/me"),
            (Method::POST, "/v1/stream-tickets"),
        ] {
            let request = scene.request(&by, method, path, None);
            request.is_refused(401, code, None).await;
        }
    };
    for token in bad {
        refused(token, "token-invalid").await;
    }
    refused(
        token(json!({ "sub": "alice", "exp": now - 60 })),
        "token-expired",
    )
    .await;
    // Within the leeway an expired token is still good.
    let late = by(token(json!({ "sub": "alice", "exp": now - 10 })));
    late.get("/v1/me").await.ok();
    assert_eq!(
        everything(&scene.app.database).await,
        before,
        "nothing changed"
    );
}
