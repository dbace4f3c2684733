//! Events that were read before are read again: memory shows what has changed since, as Postgres does.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{App, Person};

/// An instance that holds everything in memory, and one that holds next to nothing.
async fn memory_and_postgres() -> App {
    let mut app = App::with(1, "").await;
    app.add("ring={events=1}", &[]).await;
    app
}

/// What both say now; they must agree.
async fn read_again(app: &App, person: &Person, since: &str) -> Vec<Value> {
    let elsewhere = person.at(&app.instances[1].url);
    caught_up(person, &elsewhere).await;
    let (events, _) = person.all_events(since, 50).await;
    assert_eq!(events, elsewhere.all_events(since, 50).await.0);
    events
}

async fn group_of_three(app: &App) -> (Person, Person, String) {
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    for id in ["alice", "bob", "carol"] {
        app.person(id).get("/v1/me").await.ok();
    }
    let body = json!({ "type": "GROUP", "memberIds": ["bob", "carol"] });
    let group = alice.post("/v1/conversations", &body).await.ok();
    let group = group["id"].as_str().expect("an id").to_owned();
    (alice, bob, group)
}

#[tokio::test]
async fn a_message_that_a_moderator_deleted_shows_its_senders_new_name() {
    let app = memory_and_postgres().await;
    let (alice, bob, group) = group_of_three(&app).await;
    let since = alice.cursor().await;
    let message = bob.say(&group, "spam").await.ok();
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
    assert_eq!(alice.delete(&path).await.status, 204);
    read_again(&app, &alice, &since).await;
    let service = Person::service(&app.instances[0].url);
    let name = json!({ "name": "Robert" });
    service.put("/v1/users/bob", &name).await.ok();
    let events = read_again(&app, &alice, &since).await;
    let deleted = events.iter().find(|e| e["type"] == "message.deleted");
    let sender = &deleted.expect("told")["data"]["message"]["sender"];
    assert_eq!(sender["name"], "Robert");
}

#[tokio::test]
async fn a_conversation_deleted_for_all_shows_when_in_its_earlier_events_too() {
    let app = memory_and_postgres().await;
    let (alice, bob, group) = group_of_three(&app).await;
    let since = bob.cursor().await;
    let path = format!("/v1/conversations/{group}");
    let patch = alice.request(reqwest::Method::PATCH, &path);
    let closed = alice.send(patch.json(&json!({ "closed": true }))).await;
    assert_eq!(closed.status, 200);
    read_again(&app, &bob, &since).await;
    assert_eq!(alice.delete(&path).await.status, 204);
    let events = read_again(&app, &bob, &since).await;
    let kinds: Vec<_> = events.iter().map(|e| e["type"].clone()).collect();
    assert_eq!(kinds, ["conversation.updated", "conversation.deleted"]);
}

#[tokio::test]
async fn what_is_deleted_for_oneself_already_says_nothing() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "hi").await.ok();
    let since = bob.cursor().await;
    let path = format!("/v1/conversations/{conversation}");
    for _ in 0..2 {
        assert_eq!(bob.delete(&path).await.status, 204);
    }
    assert_eq!(bob.all_events(&since, 10).await.0.len(), 1);
    // Back with a message, it can be deleted again.
    alice.say(&conversation, "hi again").await.ok();
    assert_eq!(bob.delete(&path).await.status, 204);
    assert_eq!(bob.all_events(&since, 10).await.0.len(), 3);
}
