//! Tenants and the host's backend: who is outside of what.

use reqwest::Method;
use serde_json::json;

use crate::listener::Listener;
use crate::support::{App, Person};

fn of_tenant(app: &App, tenant: &str, id: &str) -> Person {
    Person::with(&app.instances[0].url, id, |claims| {
        claims.name = Some(format!("{id} of {tenant}"));
        claims.tenant = Some(tenant.to_owned());
        if id == "backend" {
            claims.role = Some("service".to_owned());
        }
    })
}

#[tokio::test]
async fn the_same_id_in_two_tenants_is_two_people_who_see_nothing_of_each_other() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let message = alice.say(&conversation, "secret").await.ok();
    let message = message["id"].as_str().expect("an id");
    let [twin, backend] = ["alice", "backend"].map(|id| of_tenant(&app, "other", id));
    assert_eq!(twin.get("/v1/me").await.ok()["name"], "alice of other");
    assert_eq!(alice.get("/v1/me").await.ok()["name"], "alice");
    let one = format!("/v1/conversations/{conversation}");
    let (messages, read) = (format!("{one}/messages"), format!("{one}/read"));
    for by in [&twin, &backend] {
        for answer in [
            by.get(&one).await,
            by.get(&messages).await,
            by.get(&format!("/v1/messages/{message}")).await,
            by.post(&messages, &json!({ "content": "x" })).await,
            by.post(&read, &json!({})).await,
            by.delete(&one).await,
        ] {
            assert_eq!(answer.code(), "not-found", "{}", answer.text);
        }
        assert_eq!(by.get("/v1/conversations").await.ok()["items"], json!([]));
        assert_eq!(by.get("/v1/unread").await.ok()["total"], 0);
        assert_eq!(by.all_events("0", 10).await.0.len(), 0);
    }
}

#[tokio::test]
async fn each_tenant_talks_for_itself() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let [twin, other_bob, backend] =
        ["alice", "bob", "backend"].map(|id| of_tenant(&app, "other", id));
    other_bob.get("/v1/me").await.ok();
    let (start, of_alice) = (twin.cursor().await, alice.cursor().await);
    let stream = twin.request(Method::GET, "/v1/events/stream?since=0");
    let mut stream = Listener::open(stream).await;
    // The same pair is another pair there.
    let theirs = twin.converse_with("bob").await;
    assert_ne!(theirs, conversation);
    twin.say(&theirs, "ours").await.ok();
    assert_eq!(twin.all_events(&start, 10).await.0.len(), 2);
    assert_eq!(alice.all_events(&of_alice, 10).await.0.len(), 0);
    let first = stream.until("message.created").await;
    assert_eq!(first.data["data"]["message"]["content"], "ours");
    // What a backend puts is of its own tenant, and so is whom it may name.
    let put = backend
        .put("/v1/users/alice", &json!({ "name": "Renamed" }))
        .await
        .ok();
    assert_eq!(put["name"], "Renamed");
    assert_eq!(alice.get("/v1/me").await.ok()["name"], "alice");
    app.person("mallory").get("/v1/me").await.ok();
    let body = json!({ "type": "PRIVATE", "memberIds": ["alice", "mallory"] });
    assert_eq!(
        backend.post("/v1/conversations", &body).await.code(),
        "user-unknown"
    );
}

/// A site copied into a second tenant, as it stands.
const COPY: [&str; 3] = [
    "insert into users (tenant_id, id, name) select 'other', id, name from users",
    "insert into conversations (tenant_id, id, type, last_position, activity_position, created_at, updated_at)
     select 'other', id, type, last_position, activity_position, created_at, updated_at from conversations",
    "insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at)
     select 'other', conversation_id, user_id, joined_position, joined_at from members",
];

#[tokio::test]
async fn no_feed_in_memory_takes_in_what_is_of_another_tenant_not_even_where_all_ids_are_the_same()
{
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    for sql in COPY {
        app.database.execute(sql).await;
    }
    let [twin, other_bob] = ["alice", "bob"].map(|id| of_tenant(&app, "other", id));
    let start = twin.cursor().await;
    let stream = format!("/v1/events/stream?since={start}");
    let mut stream = Listener::open(twin.request(Method::GET, &stream)).await;
    alice.say(&conversation, "secret").await.ok();
    let typing = format!("/v1/conversations/{conversation}/typing");
    let typing = alice.put(&typing, &json!({ "isTyping": true })).await;
    assert_eq!(typing.status, 204);
    let now = other_bob.get("/v1/events").await.ok();
    assert_eq!(now["ephemeral"]["typing"], json!([]));
    other_bob.say(&conversation, "ours").await.ok();
    let first = stream.until("message.created").await;
    assert_eq!(first.data["data"]["message"]["content"], "ours");
    // A feed that was there before, one that is born from memory now, and the first tenant's.
    let [late, theirs] = ["other", "default"].map(|tenant| of_tenant(&app, tenant, "bob"));
    for (reader, content) in [(&twin, "ours"), (&late, "ours"), (&theirs, "secret")] {
        let (events, _) = reader.all_events(&start, 10).await;
        let said = events
            .iter()
            .filter(|event| event["type"] == "message.created");
        let said: Vec<_> = said
            .map(|event| &event["data"]["message"]["content"])
            .collect();
        assert_eq!(said, [content]);
    }
    assert_eq!(twin.get("/v1/unread").await.ok()["total"], 1);
}

#[tokio::test]
async fn the_hosts_backend_sees_its_conversations_and_is_in_none() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    let seen = service
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok();
    assert_eq!(
        (&seen["id"], seen.get("me"), seen["memberCount"].as_i64()),
        (&json!(conversation), None, Some(2))
    );
    assert_eq!(service.get("/v1/users/alice").await.ok()["name"], "alice");
    assert_eq!(
        service.get("/v1/conversations").await.ok()["items"],
        json!([])
    );
    // It names all; itself it need not.
    let start = service.cursor().await;
    let body = json!({ "type": "GROUP", "members": [{ "userId": "alice", "role": "ADMIN" }, { "userId": "bob" }], "subject": "Trip" });
    let made = service.post("/v1/conversations", &body).await.ok();
    let ids: Vec<_> = made["members"]
        .as_array()
        .expect("members")
        .iter()
        .map(|m| (m["user"]["id"].clone(), m["role"].clone()))
        .collect();
    assert_eq!(
        ids,
        [
            (json!("alice"), json!("ADMIN")),
            (json!("bob"), json!("MEMBER"))
        ]
    );
    assert_eq!(
        service.all_events(&start, 10).await.0.len(),
        0,
        "and it is told nothing"
    );
    let one = service
        .post(
            "/v1/conversations",
            &json!({ "type": "PRIVATE", "memberIds": ["alice"] }),
        )
        .await;
    assert_eq!((one.status, one.code()), (422, "invalid-body"));
    // A person may not call itself the backend: the role is the token's.
    for person in [&alice, &bob] {
        assert_eq!(
            person.put("/v1/users/carol", &json!({})).await.code(),
            "service-only"
        );
    }
}
