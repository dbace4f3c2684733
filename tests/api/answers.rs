//! What the service answers is what its description says, and nothing besides.

use std::collections::BTreeSet;

use causerie::model::EventKind;
use reqwest::Method;
use serde_json::{Value, json};

use crate::contract::description;
use crate::listener::Listener;
use crate::schema::Schemas;
use crate::support::{App, Person, eventually};

/// The path as it is described: ids as `{id}`, no query.
fn described_as(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut before = "";
    let mut parts = Vec::new();
    for part in path.split('/') {
        let is_id = uuid::Uuid::try_parse(part).is_ok() || before == "users";
        parts.push(match before {
            "members" => "{userId}",
            _ if is_id => "{id}",
            _ => part,
        });
        before = part;
    }
    parts.join("/")
}

/// Asks, and holds the answer against the schema of its operation.
async fn asked(
    schemas: &Schemas<'_>,
    by: &Person,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Value {
    let mut request = by.request(method.to_uppercase().parse().expect("a method"), path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let answer = by.send(request).await;
    let schema = schemas.of_answer(
        method,
        &described_as(path),
        answer.status,
        "application/json",
    );
    let differences = schemas.differences(schema, &answer.body);
    assert!(
        differences.is_empty(),
        "{method} {path}: {differences:#?}\n{}",
        answer.text
    );
    answer.ok()
}

#[tokio::test]
async fn answers_to_changes_are_as_described() {
    let app = App::start().await;
    let described = description();
    let schemas = Schemas {
        document: &described,
    };
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    let one = format!("/v1/conversations/{conversation}");
    let rich = json!({ "content": "x", "clientMessageId": "c", "metadata": { "a": { "b": 1 } },
        "attachments": [{ "url": "https://a.example/", "type": "t" }] });
    let about = json!({ "type": "PRIVATE", "recipientId": "bob", "subject": "s", "organizationId": "o", "metadata": { "m": 1 },
        "firstMessage": { "content": "f" }, "context": { "type": "AD", "id": "1", "title": "t", "url": "https://a.example/",
        "imageUrl": "https://a.example/i", "startsAt": "2026-03-01T09:30:00Z" } });
    let sent = asked(
        &schemas,
        &alice,
        "post",
        &format!("{one}/messages"),
        Some(rich),
    )
    .await;
    for _ in 0..2 {
        asked(
            &schemas,
            &alice,
            "post",
            "/v1/conversations",
            Some(about.clone()),
        )
        .await;
    }
    let read = format!("/v1/messages/{}/read", sent["id"].as_str().expect("an id"));
    asked(&schemas, &bob, "post", &read, None).await;
    asked(
        &schemas,
        &bob,
        "post",
        &format!("{one}/read"),
        Some(json!({})),
    )
    .await;
    asked(&schemas, &bob, "post", "/v1/stream-tickets", None).await;
    change_everything(&schemas, &alice, &bob, &one, &sent).await;
    let profile = json!({ "name": "A", "role": "r" });
    asked(&schemas, &service, "put", "/v1/users/alice", Some(profile)).await;
    let profiles = json!([{ "id": "bob", "imageUrl": "https://a.example/" }]);
    asked(&schemas, &service, "put", "/v1/users", Some(profiles)).await;
}

async fn change_everything(
    schemas: &Schemas<'_>,
    alice: &Person,
    bob: &Person,
    pair: &str,
    sent: &Value,
) {
    let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    let edited = json!({ "content": "y", "metadata": {}, "attachments": [] });
    asked(schemas, alice, "patch", &message, Some(edited)).await;
    let reply = json!({ "content": "re", "replyToId": sent["id"] });
    asked(
        schemas,
        bob,
        "post",
        &format!("{pair}/messages"),
        Some(reply),
    )
    .await;
    let changed = json!({ "subject": null, "metadata": { "k": 1 }, "status": "ARCHIVED" });
    asked(schemas, alice, "patch", pair, Some(changed)).await;
    let hidden = json!({ "presenceHidden": false });
    asked(schemas, alice, "patch", "/v1/me", Some(hidden)).await;
    let group = json!({ "type": "GROUP", "memberIds": [] });
    let group = asked(schemas, alice, "post", "/v1/conversations", Some(group)).await;
    let members = format!(
        "/v1/conversations/{}/members",
        group["id"].as_str().expect("an id")
    );
    let named = json!({ "members": [{ "userId": "bob", "role": "ADMIN" }] });
    asked(schemas, alice, "post", &members, Some(named)).await;
    let role = json!({ "role": "MEMBER" });
    asked(
        schemas,
        alice,
        "patch",
        &format!("{members}/bob"),
        Some(role),
    )
    .await;
    for path in [
        &format!("{members}?limit=1"),
        &format!("{message}/receipts"),
        "/v1/conversations?status=ARCHIVED",
    ] {
        asked(schemas, alice, "get", path, None).await;
    }
    let service = Person::service(&alice.base);
    let trace = message.replace("/v1/messages", "/v1/admin/messages");
    for path in [format!("{message}/revisions"), format!("{trace}/trace")] {
        asked(schemas, &service, "get", &path, None).await;
    }
}

#[tokio::test]
async fn answers_to_questions_are_as_described() {
    let app = App::start().await;
    let described = description();
    let schemas = Schemas {
        document: &described,
    };
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    let empty = json!({ "type": "GROUP", "memberIds": ["bob"] });
    alice.post("/v1/conversations", &empty).await.ok();
    let message = alice.say(&conversation, "hi").await.ok();
    let message = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
    let one = format!("/v1/conversations/{conversation}");
    let (all, changed, first) = (
        format!("{one}/messages"),
        format!("{one}/messages?since=0"),
        format!("{one}/messages?page=1"),
    );
    for path in [
        "/v1/me",
        "/v1/users/alice",
        "/v1/conversations",
        "/v1/conversations?limit=1",
        "/v1/conversations?page=1",
        &one,
        &all,
        &changed,
        &first,
        &message,
        "/v1/unread",
        "/v1/sync",
        "/v1/presence?userIds=alice,nobody",
        "/v1/events",
        "/v1/events?since=0",
        "/healthz",
        "/readyz",
    ] {
        asked(&schemas, &bob, "get", path, None).await;
    }
    asked(&schemas, &service, "get", &one, None).await;
    // With somebody who types and is there.
    alice.get("/v1/events").await.ok();
    eventually("alice is there and types", async || {
        let typing = json!({ "isTyping": true });
        alice.put(&format!("{one}/typing"), &typing).await.ok();
        let page = asked(&schemas, &bob, "get", "/v1/events", None).await;
        let found = &page["ephemeral"];
        (found["typing"][0].is_object() && found["presence"][0].is_object()).then_some(())
    })
    .await;

    let problem = schemas.named("Problem");
    let wrong = json!({ "type": "PRIVATE", "recipientId": "", "subject": "" });
    for answer in [
        bob.get("/v1/conversations/x").await,
        bob.get("/v1/nothing").await,
        bob.get("/v1/events?since=c00000000-0").await,
        bob.post("/v1/conversations", &wrong).await,
    ] {
        assert!(answer.status >= 400);
        let differences = schemas.differences(problem, &answer.body);
        assert!(differences.is_empty(), "{differences:#?}\n{}", answer.text);
    }
}

#[tokio::test]
async fn every_kind_of_event_is_as_described_and_the_same_on_a_stream() {
    let app = App::start().await;
    let described = description();
    let schemas = Schemas {
        document: &described,
    };
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    alice.say(&conversation, "hi").await.ok();
    do_everything(&alice, &bob, &conversation).await;
    tell(&service, &bob).await;
    let one = format!("/v1/conversations/{conversation}");
    alice.say(&conversation, "to be read").await.ok();
    bob.post(&format!("{one}/read"), &json!({})).await.ok();
    service
        .put("/v1/users/alice", &json!({ "name": "A" }))
        .await
        .ok();
    bob.delete(&one).await.ok();
    let feed = asked(&schemas, &bob, "get", "/v1/events?since=0", None).await;
    let events = feed["events"].as_array().expect("events");
    let kinds: BTreeSet<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    let all: BTreeSet<_> = EventKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(kinds, all, "every kind was seen");
    let mut stream = Listener::open(bob.request(Method::GET, "/v1/events/stream?since=0")).await;
    for event in events {
        let frame = stream.until(event["type"].as_str().expect("a type")).await;
        assert_eq!(
            (&frame.data, frame.id.as_deref()),
            (event, event["cursor"].as_str())
        );
    }
}

/// So that somebody is told something, reads it, and deletes it.
async fn tell(service: &Person, person: &Person) {
    let told =
        json!({ "userId": person.id, "type": "T", "title": "t", "message": "m", "link": "/l" });
    let told = service.post("/v1/notifications", &told).await.ok();
    let id = told["items"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/notifications/{id}");
    let read = person.post(&format!("{path}/read"), &json!({})).await;
    assert_eq!(read.status, 204);
    assert_eq!(person.delete(&path).await.status, 204);
}

/// So that Bob sees each kind of event that others bring about.
async fn do_everything(alice: &Person, bob: &Person, conversation: &str) {
    let patch = async |by: &Person, path: &str, body: Value| {
        by.send(by.request(Method::PATCH, path).json(&body))
            .await
            .ok()
    };
    bob.say(conversation, "re").await.ok();
    let since = alice.cursor().await;
    alice.poll(&since, "").await.ok();
    let delivered = async || {
        let messages = bob
            .get(&format!("/v1/conversations/{conversation}/messages"))
            .await
            .ok();
        (messages["items"][1]["status"] == "DELIVERED").then_some(())
    };
    eventually("what has arrived is told", delivered).await;
    let group = json!({ "type": "GROUP", "memberIds": [] });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let group = format!("/v1/conversations/{}", group["id"].as_str().expect("an id"));
    let members = format!("{group}/members");
    alice
        .post(&members, &json!({ "memberIds": ["bob"] }))
        .await
        .ok();
    patch(alice, &group, json!({ "subject": "New" })).await;
    patch(alice, &format!("{members}/bob"), json!({ "role": "ADMIN" })).await;
    for content in ["to edit", "to delete"] {
        let sent = alice
            .say(group.trim_start_matches("/v1/conversations/"), content)
            .await
            .ok();
        let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
        if content == "to edit" {
            patch(alice, &message, json!({ "content": "edited" })).await;
        } else {
            assert_eq!(alice.delete(&message).await.status, 204);
        }
    }
    patch(bob, &group, json!({ "status": "ARCHIVED" })).await;
    assert_eq!(bob.delete(&format!("{members}/me")).await.status, 204);
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
