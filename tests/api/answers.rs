//! What the service answers is what its description says, and nothing besides.

use std::collections::BTreeSet;

use causerie::model::EventKind;
use reqwest::Method;
use serde_json::json;

use crate::contract::description;
use crate::listener::Listener;
use crate::schema::Schemas;
use crate::support::{Answer, App, Person};

/// Holds an answer against the schema of its operation.
#[track_caller]
fn assert_described(schemas: &Schemas<'_>, method: &str, path: &str, answer: &Answer) {
    let schema = schemas.of_answer(method, path, answer.status, "application/json");
    let differences = schemas.differences(schema, &answer.body);
    assert!(
        differences.is_empty(),
        "{method} {path}: {differences:#?}\n{}",
        answer.text
    );
}

#[tokio::test]
async fn answers_are_as_described() {
    let app = App::start().await;
    let described = description();
    let schemas = Schemas {
        document: &described,
    };
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    let one = format!("/v1/conversations/{conversation}");
    let rich = json!({ "content": "x", "clientMessageId": "c", "metadata": { "a": { "b": 1 } }, "attachments": [{ "url": "https://a.example/", "type": "t" }] });
    let about = json!({ "type": "PRIVATE", "recipientId": "bob", "subject": "s", "organizationId": "o", "metadata": { "m": 1 }, "firstMessage": { "content": "f" },
        "context": { "type": "AD", "id": "1", "title": "t", "url": "https://a.example/", "imageUrl": "https://a.example/i", "startsAt": "2026-03-01T09:30:00Z" } });
    let sent = alice.post(&format!("{one}/messages"), &rich).await;
    let message = format!("/v1/messages/{}", sent.body["id"].as_str().expect("an id"));
    for (method, path, answer) in [
        ("post", "/v1/conversations/{id}/messages", sent),
        (
            "post",
            "/v1/conversations",
            alice.post("/v1/conversations", &about).await,
        ),
        (
            "post",
            "/v1/conversations",
            alice.post("/v1/conversations", &about).await,
        ),
        (
            "get",
            "/v1/conversations",
            bob.get("/v1/conversations?limit=1").await,
        ),
        (
            "get",
            "/v1/conversations",
            bob.get("/v1/conversations?page=1").await,
        ),
        ("get", "/v1/conversations/{id}", bob.get(&one).await),
        ("get", "/v1/conversations/{id}", service.get(&one).await),
        (
            "get",
            "/v1/conversations/{id}/messages",
            bob.get(&format!("{one}/messages")).await,
        ),
        (
            "get",
            "/v1/conversations/{id}/messages",
            bob.get(&format!("{one}/messages?since=0")).await,
        ),
        (
            "get",
            "/v1/conversations/{id}/messages",
            bob.get(&format!("{one}/messages?page=1")).await,
        ),
        ("get", "/v1/messages/{id}", bob.get(&message).await),
        ("get", "/v1/unread", bob.get("/v1/unread").await),
        ("get", "/v1/sync", bob.get("/v1/sync").await),
        (
            "post",
            "/v1/messages/{id}/read",
            bob.post(&format!("{message}/read"), &json!({})).await,
        ),
        (
            "post",
            "/v1/conversations/{id}/read",
            bob.post(&format!("{one}/read"), &json!({})).await,
        ),
        ("get", "/v1/me", bob.get("/v1/me").await),
        (
            "put",
            "/v1/users/{id}",
            service
                .put("/v1/users/alice", &json!({ "name": "A", "role": "r" }))
                .await,
        ),
        (
            "put",
            "/v1/users",
            service
                .put(
                    "/v1/users",
                    &json!([{ "id": "bob", "imageUrl": "https://a.example/" }]),
                )
                .await,
        ),
        ("get", "/v1/users/{id}", bob.get("/v1/users/alice").await),
        (
            "post",
            "/v1/stream-tickets",
            bob.post("/v1/stream-tickets", &json!({})).await,
        ),
        ("get", "/healthz", bob.get("/healthz").await),
        ("get", "/readyz", bob.get("/readyz").await),
    ] {
        assert_described(&schemas, method, path, &answer);
    }
    bob.delete(&one).await.ok();
    let feed = bob.poll("0", "").await;
    assert_described(&schemas, "get", "/v1/events", &feed);
    let events = feed.body["events"].as_array().expect("events");
    let kinds: BTreeSet<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds,
        EventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        "every kind was seen"
    );
    // A stream says the same.
    let mut stream = Listener::open(bob.request(Method::GET, "/v1/events/stream?since=0")).await;
    for event in events {
        let frame = stream.until(event["type"].as_str().expect("a type")).await;
        assert_eq!(
            (&frame.data, frame.id.as_deref()),
            (event, event["cursor"].as_str())
        );
    }

    let problem = schemas.named("Problem");
    for answer in [
        bob.get("/v1/conversations/x").await,
        bob.get("/v1/nothing").await,
        bob.get("/v1/events?since=c00000000-0").await,
        bob.post(
            "/v1/conversations",
            &json!({ "type": "PRIVATE", "recipientId": "", "subject": "s".repeat(201) }),
        )
        .await,
    ] {
        assert!(answer.status >= 400);
        assert_eq!(
            schemas.differences(problem, &answer.body),
            Vec::<String>::new(),
            "{}",
            answer.text
        );
    }
}

#[test]
fn the_check_of_schemas_finds_what_it_should() {
    let document = json!({ "paths": {}, "components": { "schemas": {
        "A": { "type": "object", "required": ["kind"], "properties": { "kind": { "enum": ["a"] }, "id": { "type": ["string", "null"], "format": "uuid" } } },
        "B": { "allOf": [{ "$ref": "#/components/schemas/A" }, { "properties": { "list": { "type": "array", "items": { "type": "integer", "minimum": 1 } } } }] },
        "C": { "oneOf": [{ "$ref": "#/components/schemas/A" }, { "type": "null" }] },
    } } });
    let schemas = Schemas {
        document: &document,
    };
    for (name, value, fits) in [
        ("A", json!({ "kind": "a" }), true),
        ("A", json!({ "kind": "a", "id": null }), true),
        ("A", json!({ "kind": "b" }), false),
        ("A", json!({ "kind": "a", "id": "x" }), false),
        ("A", json!({ "kind": "a", "id": 1 }), false),
        ("A", json!({}), false),
        ("A", json!({ "kind": "a", "more": 1 }), false),
        ("B", json!({ "kind": "a", "list": [1, 2] }), true),
        ("B", json!({ "kind": "a", "list": [0] }), false),
        ("B", json!({ "kind": "a", "list": [], "more": 1 }), false),
        ("C", json!(null), true),
        ("C", json!({ "kind": "a" }), true),
        ("C", json!({ "kind": "b" }), false),
    ] {
        assert_eq!(
            schemas.differences(schemas.named(name), &value).is_empty(),
            fits,
            "{name} {value}"
        );
    }
}
