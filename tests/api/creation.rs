//! Create or get: what makes two requests ask for the same conversation, whoever asks and however often.

use serde_json::{Value, json};

use crate::instances::{at_once, caught_up};
use crate::support::{Answer, App, Person};

/// Makes sure that these people are known.
async fn known(app: &App, ids: &[&str]) {
    for id in ids {
        app.person(id).get("/v1/me").await.ok();
    }
}

async fn create(by: &Person, body: Value) -> Answer {
    by.post("/v1/conversations", &body).await
}

/// The conversation's id, with whether it was made (201) or found (200).
#[track_caller]
fn made(answer: &Answer) -> (bool, String) {
    assert!(
        matches!(answer.status, 200 | 201),
        "{} {}",
        answer.status,
        answer.text
    );
    let id = answer.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        answer.header("Location"),
        Some(&*format!("/v1/conversations/{id}"))
    );
    (answer.status == 201, id)
}

#[tokio::test]
async fn a_pair_asked_for_fifty_times_at_once_in_either_order_is_one_conversation() {
    let app = App::with(2, "").await;
    known(&app, &["alice", "bob"]).await;
    let people = [app.person("alice"), app.person("bob")];
    let cursors = [people[0].cursor().await, people[1].cursor().await];
    let answers = at_once(50, |i| {
        let me = people[i % 2].at(&app.instances[i / 2 % 2].url);
        let other = if me.id == "alice" { "bob" } else { "alice" };
        let body = match i / 4 % 5 {
            0 => json!({ "type": "PRIVATE", "recipientId": other }),
            1 => json!({ "type": "PRIVATE", "memberIds": ["alice", "bob"] }),
            2 => json!({ "type": "PRIVATE", "memberIds": ["bob", "alice"] }),
            3 => json!({ "type": "PRIVATE", "members": [{ "userId": other }] }),
            _ => json!({ "type": "PRIVATE", "members": [{ "userId": "bob", "role": "ADMIN" }, { "userId": "alice" }] }),
        };
        async move { create(&me, body).await }
    })
    .await;
    let made: Vec<_> = answers.iter().map(made).collect();
    assert_eq!(made.iter().filter(|(is_new, _)| *is_new).count(), 1);
    assert!(made.iter().all(|(_, id)| *id == made[0].1));
    assert_eq!(
        app.database
            .number("select count(*) from conversations")
            .await,
        1
    );
    assert_eq!(app.database.number("select count(*) from members").await, 2);
    for (person, cursor) in people.iter().zip(&cursors) {
        caught_up(person, &person.at(&app.instances[1].url)).await;
        let (events, _) = person.all_events(cursor, 10).await;
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["type"], "conversation.created");
        assert_eq!(events[0]["data"]["conversation"]["memberCount"], 2);
        let roles = &events[0]["data"]["conversation"]["members"];
        assert_eq!(
            (&roles[0]["role"], &roles[1]["role"]),
            (&json!("MEMBER"), &json!("MEMBER"))
        );
    }
}

#[tokio::test]
async fn a_pair_has_one_conversation_per_context_and_one_without() {
    let app = App::start().await;
    known(&app, &["alice", "bob", "carol"]).await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    let about = |kind: &str, id: &str, title: &str| json!({ "type": "PRIVATE", "memberIds": ["alice", "bob"], "context": { "type": kind, "id": id, "title": title } });
    let (is_new, plain) =
        made(&create(&alice, json!({ "type": "PRIVATE", "recipientId": "bob" })).await);
    assert!(is_new);
    let first = create(&alice, about("AD", "ad-1", "iPhone")).await;
    let (is_new, ad) = made(&first);
    assert!(is_new && ad != plain);
    assert_eq!(
        first.body["context"],
        json!({ "type": "AD", "id": "ad-1", "title": "iPhone", "url": null, "imageUrl": null, "startsAt": null })
    );
    // The same thing under another title is the same thing.
    let again = create(&bob, about("AD", "ad-1", "iPhone 14")).await;
    assert_eq!(made(&again), (false, ad.clone()));
    assert_eq!(again.body["context"]["title"], "iPhone");
    for (kind, id) in [("AD", "ad-2"), ("APPOINTMENT", "ad-1")] {
        let (is_new, other) = made(&create(&bob, about(kind, id, "x")).await);
        assert!(is_new && other != ad && other != plain);
    }
    let with_carol = json!({ "type": "PRIVATE", "recipientId": "carol", "context": { "type": "AD", "id": "ad-1" } });
    assert!(
        made(&create(&alice, with_carol).await).0,
        "another pair, another conversation"
    );
    assert_eq!(
        made(&create(&bob, json!({ "type": "PRIVATE", "recipientId": "alice" })).await),
        (false, plain)
    );
}

#[tokio::test]
async fn a_unique_context_has_one_conversation_whoever_the_people() {
    let app = App::with(2, "").await;
    known(&app, &["alice", "bob", "carol", "dan"]).await;
    let body = |people: [&str; 2]| json!({ "type": "GROUP", "memberIds": people, "context": { "type": "APPOINTMENT", "id": "a-1", "unique": true } });
    let answers = at_once(20, |i| {
        let service = Person::service(&app.instances[i % 2].url);
        let body = body(if i % 4 < 2 {
            ["alice", "bob"]
        } else {
            ["carol", "dan"]
        });
        async move { create(&service, body).await }
    })
    .await;
    let made: Vec<_> = answers.iter().map(made).collect();
    assert_eq!(made.iter().filter(|(is_new, _)| *is_new).count(), 1);
    assert!(made.iter().all(|(_, id)| *id == made[0].1));
    assert_eq!(app.database.number("select count(*) from members").await, 2);

    let refused = create(&app.person("alice"), body(["alice", "bob"])).await;
    assert_eq!((refused.status, refused.code()), (403, "service-only"));
}

#[tokio::test]
async fn a_group_is_new_each_time_unless_its_key_repeats() {
    let app = App::with(2, "").await;
    known(&app, &["alice", "bob", "carol"]).await;
    let (alice, bob, carol) = (app.person("alice"), app.person("bob"), app.person("carol"));
    let plain = json!({ "type": "GROUP", "memberIds": ["bob"], "subject": "Trip" });
    let (first, second) = (
        create(&alice, plain.clone()).await,
        create(&alice, plain).await,
    );
    assert!(made(&first).0 && made(&second).0 && made(&first).1 != made(&second).1);
    let members = first.body["members"].as_array().expect("members");
    let role = |id: &str| {
        &members
            .iter()
            .find(|m| m["user"]["id"] == id)
            .expect("a member")["role"]
    };
    assert_eq!(
        (role("alice"), role("bob")),
        (&json!("ADMIN"), &json!("MEMBER"))
    );
    assert_eq!(first.body["me"]["role"], "ADMIN");

    let keyed = json!({ "type": "GROUP", "members": [{ "userId": "bob", "role": "ADMIN" }], "key": "trip-1" });
    let answers = at_once(20, |i| {
        let (me, keyed) = (alice.at(&app.instances[i % 2].url), keyed.clone());
        async move { create(&me, keyed).await }
    })
    .await;
    let ids: Vec<_> = answers.iter().map(made).collect();
    assert_eq!(ids.iter().filter(|(is_new, _)| *is_new).count(), 1);
    assert!(ids.iter().all(|(_, id)| *id == ids[0].1));
    // Who is in it gets it; who is not learns no more than that the key is taken.
    assert_eq!(
        made(&create(&bob, keyed.clone()).await),
        (false, ids[0].1.clone())
    );
    let refused = create(&carol, keyed).await;
    assert_eq!((refused.status, refused.code()), (409, "key-taken"));
    assert!(!refused.text.contains(&ids[0].1));
    assert_eq!(
        app.database
            .number("select count(*) from conversations")
            .await,
        3
    );
}

#[tokio::test]
async fn a_first_message_comes_in_the_same_write_and_a_system_message_only_once() {
    let app = App::start().await;
    known(&app, &["alice", "bob"]).await;
    let (alice, bob, service) = (
        app.person("alice"),
        app.person("bob"),
        Person::service(&app.instances[0].url),
    );
    let start = bob.cursor().await;
    let body = json!({ "type": "PRIVATE", "recipientId": "bob", "firstMessage": { "content": "Bonjour", "clientMessageId": "c-1" } });
    let first = create(&alice, body.clone()).await;
    assert!(made(&first).0);
    assert_eq!(first.body["lastMessage"]["content"], "Bonjour");
    assert_eq!(
        first.body["me"],
        json!({ "role": "MEMBER", "status": "ACTIVE", "unreadCount": 0, "readUpTo": 1 })
    );
    let again = create(&alice, body).await;
    assert!(!made(&again).0);
    assert_eq!(again.body, first.body);
    let (events, _) = bob.all_events(&start, 10).await;
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event["type"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(kinds, ["conversation.created", "message.created"]);

    // The host announces an appointment; asked again it gives the conversation and says nothing twice.
    let body = json!({ "type": "PRIVATE", "memberIds": ["alice", "bob"], "context": { "type": "APPOINTMENT", "id": "a-1" },
        "systemMessage": { "content": "Rendez-vous confirmé" } });
    let (first, again) = (
        create(&service, body.clone()).await,
        create(&service, body.clone()).await,
    );
    assert!(made(&first).0 && !made(&again).0);
    assert_eq!(
        first.body.get("me"),
        None,
        "the host's backend is no member"
    );
    let messages = bob
        .get(&format!("/v1/conversations/{}/messages", made(&first).1))
        .await
        .ok();
    assert_eq!(messages["items"].as_array().map(Vec::len), Some(1));
    let message = &messages["items"][0];
    assert_eq!(
        (&message["type"], &message["sender"]),
        (&json!("SYSTEM"), &Value::Null)
    );
    assert_eq!(message["content"], "Rendez-vous confirmé");
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 2);
    let refused = create(&alice, body).await;
    assert_eq!((refused.status, refused.code()), (403, "service-only"));
}

#[tokio::test]
async fn people_nobody_knows_are_named_or_by_configuration_made() {
    let mut app = App::start().await;
    known(&app, &["alice", "bob"]).await;
    let body = json!({ "type": "GROUP", "memberIds": ["bob", "nobody", "alice", "no-one"] });
    let refused = create(&app.person("alice"), body.clone()).await;
    assert_eq!((refused.status, refused.code()), (422, "user-unknown"));
    let errors: Vec<_> = refused.body["errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|e| (&e["pointer"], &e["code"]))
        .collect();
    assert_eq!(
        errors,
        [
            (&json!("/memberIds/1"), &json!("user-unknown")),
            (&json!("/memberIds/3"), &json!("user-unknown"))
        ]
    );
    assert_eq!(app.database.number("select count(*) from users").await, 2);
    assert_eq!(
        app.database
            .number("select count(*) from conversations")
            .await,
        0
    );

    let lenient = app.add("unknown_users=\"create\"", &[]).await.url.clone();
    let answer = create(&app.person("alice").at(&lenient), body).await;
    assert_eq!(
        (answer.status, &answer.body["memberCount"]),
        (201, &json!(4))
    );
    // Their first token fills the row, and the conversation is there for them.
    let nobody = app.person("nobody");
    assert_eq!(nobody.get("/v1/me").await.ok()["name"], "nobody");
    assert_eq!(
        nobody.get("/v1/conversations").await.ok()["items"][0]["id"],
        answer.body["id"]
    );
}
