//! Editing and deleting messages, answering them, and messages of the host's backend.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::members::{group, kinds};
use crate::sse::Sse;
use crate::support::{App, Person};

fn path_of(message: &Value) -> String {
    format!("/v1/messages/{}", message["id"].as_str().expect("an id"))
}

/// Every text that a person is handed, by any route or transport, put together.
async fn everything(person: &Person, conversation: &str, since: &str) -> String {
    let mut text = String::new();
    for path in [
        format!("/v1/conversations/{conversation}/messages"),
        format!("/v1/conversations/{conversation}/messages?since=0"),
        format!("/v1/conversations/{conversation}/messages?after=0"),
        format!("/v1/conversations/{conversation}"),
        "/v1/conversations".to_owned(),
        "/v1/sync".to_owned(),
        format!("/v1/events?since={since}"),
    ] {
        text.push_str(&person.get(&path).await.text);
    }
    let (events, _) = person.all_events(since, 200).await;
    let mut stream = Sse::open(person, &format!("?since={since}")).await;
    for frame in stream.events(events.len()).await {
        text.push_str(&frame.data.to_string());
    }
    text
}

#[tokio::test]
async fn an_edit_is_told_and_every_event_carries_the_new_text_from_then_on() {
    let mut app = App::start().await;
    app.add("ring={events=1}", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let sent = alice.say(&conversation, "first words").await.ok();
    let before = bob.cursor().await;
    let edit = json!({ "content": "second words", "metadata": { "k": 1 } });
    let edited = alice.patch(&path_of(&sent), &edit).await.ok();
    assert_eq!(
        (&edited["content"], &edited["metadata"]),
        (&json!("second words"), &json!({ "k": 1 }))
    );
    assert!(edited["editedAt"].is_string());
    assert_eq!(edited["seq"], 1);
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&elsewhere, &alice).await;
    for reader in [&bob, &elsewhere] {
        assert_eq!(kinds(reader, &before).await, ["message.updated"]);
        let (events, _) = reader.all_events(&start, 200).await;
        for event in &events {
            assert_eq!(event["data"]["message"]["content"], "second words");
        }
        assert!(
            !everything(reader, &conversation, &start)
                .await
                .contains("first words")
        );
    }
    // What changes nothing writes nothing.
    let mut again = alice.patch(&path_of(&sent), &edit).await.ok();
    // Bob has been handed it, and a second later that is said.
    assert!(
        ["SENT", "DELIVERED"]
            .map(Value::from)
            .contains(&again["status"])
    );
    again["status"] = edited["status"].clone();
    assert_eq!(again, edited);
    let page = bob
        .get(&format!(
            "/v1/conversations/{conversation}/messages?since={before}"
        ))
        .await
        .ok();
    assert_eq!(page["items"][0]["content"], "second words", "changed since");
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 1);
}

#[track_caller]
fn assert_gone(message: &Value, text: &str) {
    assert_eq!(
        (&message["isDeleted"], &message[text]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn what_was_deleted_is_nowhere_and_unread_no_more() {
    let mut app = App::start().await;
    app.add("ring={events=1}", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    let attachments = json!([{ "url": "https://a.example/secret.png", "type": "image/png" }]);
    let body = json!({ "content": "a secret", "attachments": attachments, "metadata": { "a": "secret" }, "clientMessageId": "c" });
    let messages = format!("/v1/conversations/{conversation}/messages");
    let sent = alice.post(&messages, &body).await.ok();
    alice
        .patch(&path_of(&sent), &json!({ "content": "another secret" }))
        .await
        .ok();
    alice.say(&conversation, "kept").await.ok();
    let answer = json!({ "content": "to that", "replyToId": sent["id"] });
    let answer = bob.post(&messages, &answer).await.ok();
    assert_eq!(answer["replyTo"]["excerpt"], "another secret");
    // Told to him in memory before it goes.
    bob.all_events(&start, 200).await;
    for _ in 0..2 {
        assert_eq!(alice.delete(&path_of(&sent)).await.status, 204);
    }
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&elsewhere, &alice).await;
    for reader in [&bob, &elsewhere, &alice] {
        let text = everything(reader, &conversation, &start).await;
        assert!(!text.contains("secret"), "{}: {text}", reader.base);
    }
    let (events, _) = bob.all_events(&start, 200).await;
    let deleted = events.last().expect("events");
    assert_eq!(deleted["type"], "message.deleted");
    assert_gone(&deleted["data"]["message"], "content");
    assert_eq!(deleted["data"]["message"]["seq"], 1);
    assert_gone(&bob.get(&path_of(&answer)).await.ok()["replyTo"], "excerpt");
    let refused = alice
        .patch(&path_of(&sent), &json!({ "content": "x" }))
        .await;
    assert_eq!((refused.status, refused.code()), (409, "message-deleted"));
    let host = Person::service(&alice.base);
    let revisions = host
        .get(&format!("{}/revisions", path_of(&sent)))
        .await
        .ok();
    assert_eq!(revisions["items"], json!([]), "earlier texts as well");
    // A retry of the sender's finds the tombstone.
    assert_eq!(alice.post(&messages, &body).await.ok()["isDeleted"], true);
    let stored = "select count(*) from messages where content like '%secret%' or attachments::text like '%secret%'";
    assert_eq!(app.database.number(stored).await, 0, "nor in the database");
}

#[tokio::test]
async fn a_deleted_message_leaves_the_unread_counts_of_memory_and_of_a_newcomer() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut sent = Vec::new();
    bob.get("/v1/unread").await.ok();
    for n in 0..5 {
        sent.push(alice.say(&conversation, &format!("{n}")).await.ok());
    }
    for (n, left) in [(1, 4), (4, 3), (0, 2)] {
        assert_eq!(alice.delete(&path_of(&sent[n])).await.status, 204);
        assert_eq!(bob.get("/v1/unread").await.ok()["total"], left);
        assert_eq!(
            bob.get("/v1/sync").await.ok()["unread"]["total"],
            left,
            "recounted"
        );
    }
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&elsewhere, &alice).await;
    assert_eq!(elsewhere.get("/v1/unread").await.ok()["total"], 2);
}

#[tokio::test]
async fn only_ones_own_is_edited_and_an_admin_deletes_any() {
    let app = App::start().await;
    let (alice, group) = group(&app, &["bob"]).await;
    let (bob, mallory) = (app.person("bob"), app.person("mallory"));
    mallory.get("/v1/me").await.ok();
    let id = group.rsplit('/').next().expect("an id");
    let (of_alice, of_bob) = (alice.say(id, "a").await.ok(), bob.say(id, "b").await.ok());
    let edit = json!({ "content": "x" });
    for (by, message, status) in [
        (&bob, &of_alice, 403),
        (&alice, &of_bob, 403),
        (&mallory, &of_bob, 404),
    ] {
        assert_eq!(by.patch(&path_of(message), &edit).await.status, status);
    }
    for (by, message, status) in [
        (&bob, &of_alice, 403),
        (&mallory, &of_bob, 404),
        (&alice, &of_bob, 204),
    ] {
        assert_eq!(by.delete(&path_of(message)).await.status, status);
    }
    alice.patch(&path_of(&of_alice), &edit).await.ok();
    let revisions = format!("{}/revisions", path_of(&of_alice));
    let kept = alice.get(&revisions).await.ok();
    assert_eq!(
        (
            &kept["items"][0]["content"],
            &kept["items"][0]["replacedBy"]
        ),
        (&json!("a"), &json!("alice"))
    );
    assert_eq!(
        (
            bob.get(&revisions).await.status,
            mallory.get(&revisions).await.status
        ),
        (403, 404)
    );
    for (body, pointer) in [
        (json!({}), "/content"),
        (json!({ "content": " " }), "/content"),
        (json!({ "content": "x".repeat(10_001) }), "/content"),
        (json!({ "seq": 1 }), "/seq"),
    ] {
        let refused = alice.patch(&path_of(&of_alice), &body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer))
        );
    }
}

#[tokio::test]
async fn an_answer_quotes_a_message_of_its_own_conversation() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let long = "é".repeat(200);
    let first = alice.say(&conversation, &long).await.ok();
    let messages = format!("/v1/conversations/{conversation}/messages");
    let start = alice.cursor().await;
    let body = json!({ "content": "yes", "replyToId": first["id"], "clientMessageId": "r" });
    let answer = bob.post(&messages, &body).await.ok();
    let expected = json!({ "id": first["id"], "seq": 1, "sender": first["sender"], "excerpt": "é".repeat(140), "isDeleted": false });
    assert_eq!(answer["replyTo"], expected);
    assert_eq!(
        bob.post(&messages, &body).await.ok()["replyTo"],
        expected,
        "said again"
    );
    let (events, _) = alice.all_events(&start, 10).await;
    assert_eq!(events[0]["data"]["message"]["replyTo"], expected);
    alice
        .patch(&path_of(&first), &json!({ "content": "short" }))
        .await
        .ok();
    let (events, _) = alice.all_events(&start, 10).await;
    assert_eq!(events[0]["data"]["message"]["replyTo"]["excerpt"], "short");
    let (_, other) = group(&app, &["bob"]).await;
    let elsewhere = bob
        .say(other.rsplit('/').next().expect("an id"), "x")
        .await
        .ok();
    for id in [elsewhere["id"].clone(), json!(uuid::Uuid::now_v7())] {
        let refused = bob
            .post(&messages, &json!({ "content": "x", "replyToId": id }))
            .await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!("/replyToId"))
        );
        assert_eq!(refused.body["errors"][0]["code"], "message-unknown");
    }
}

#[tokio::test]
async fn the_host_sends_system_messages_once_and_may_change_them() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let (host, start) = (Person::service(&alice.base), bob.cursor().await);
    let messages = format!("/v1/conversations/{conversation}/messages");
    let body = json!({ "content": "Confirmed", "clientMessageId": "rdv-1" });
    let sent = host.post(&messages, &body).await;
    let again = host.post(&messages, &body).await;
    assert_eq!((sent.status, again.status), (201, 201));
    assert_eq!(again.header("Idempotency-Replayed"), Some("true"));
    assert_eq!(sent.body, again.body);
    assert_eq!(
        (&sent.body["type"], &sent.body["sender"]),
        (&json!("SYSTEM"), &Value::Null)
    );
    let other = host
        .post(
            &messages,
            &json!({ "content": "Else", "clientMessageId": "rdv-1" }),
        )
        .await;
    assert_eq!((other.status, other.code()), (409, "idempotency-mismatch"));
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 1);
    assert_eq!(
        alice
            .patch(&path_of(&sent.body), &json!({ "content": "No" }))
            .await
            .status,
        403
    );
    let edited = host
        .patch(&path_of(&sent.body), &json!({ "content": "Moved" }))
        .await
        .ok();
    assert_eq!(edited["content"], "Moved");
    assert_eq!(host.delete(&path_of(&sent.body)).await.status, 204);
    assert_eq!(
        kinds(&bob, &start).await,
        ["message.created", "message.updated", "message.deleted"]
    );
    let random = format!("/v1/conversations/{}/messages", uuid::Uuid::now_v7());
    assert_eq!(host.post(&random, &body).await.status, 404);
}
