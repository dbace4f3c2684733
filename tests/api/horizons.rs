//! How far somebody has read, and who is told.

use reqwest::Method;
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::messages::say_many;
use crate::support::{App, Person};

async fn horizon(person: &Person, conversation: &str) -> (i64, i64) {
    let me = person
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok()["me"]
        .clone();
    (
        me["readUpTo"].as_i64().expect("a number"),
        me["unreadCount"].as_i64().expect("a number"),
    )
}

#[tokio::test]
async fn the_horizon_only_moves_forward_and_is_one_for_all_devices() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    say_many(&alice, &conversation, 5).await;
    let read = format!("/v1/conversations/{conversation}/read");
    assert_eq!(horizon(&bob, &conversation).await, (0, 5));
    let receipt = bob.post(&read, &json!({ "upTo": 3 })).await.ok();
    assert_eq!(
        (
            &receipt["conversationId"],
            &receipt["userId"],
            &receipt["readUpTo"]
        ),
        (&json!(conversation), &json!("bob"), &json!(3))
    );
    assert!(receipt["readAt"].is_string());
    assert_eq!(horizon(&bob, &conversation).await, (3, 2));
    // Another device of his, on another instance, that stands behind.
    let elsewhere = bob.at(&app.instances[1].url);
    assert_eq!(
        elsewhere.post(&read, &json!({ "upTo": 2 })).await.ok(),
        receipt,
        "never back"
    );
    assert_eq!(
        elsewhere.post(&read, &json!({ "upTo": 3 })).await.ok(),
        receipt
    );
    let page = bob
        .get(&format!("/v1/conversations/{conversation}/messages"))
        .await
        .ok();
    let fourth = page["items"][3]["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        elsewhere
            .post(&format!("/v1/messages/{fourth}/read"), &json!({}))
            .await
            .ok()["readUpTo"],
        4
    );
    let plain = elsewhere.request(Method::POST, &read);
    assert_eq!(
        elsewhere.send(plain).await.ok()["readUpTo"],
        5,
        "no body: to the newest"
    );
    assert_eq!(horizon(&elsewhere, &conversation).await, (5, 0));
}

#[tokio::test]
async fn receipts_reach_the_other_person_and_ones_own_devices() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    say_many(&alice, &conversation, 5).await;
    let (of_alice, of_bob) = (alice.cursor().await, bob.cursor().await);
    let elsewhere = bob.at(&app.instances[1].url);
    for up_to in [3, 2, 3, 5] {
        let path = format!("/v1/conversations/{conversation}/read");
        elsewhere.post(&path, &json!({ "upTo": up_to })).await.ok();
    }
    for (person, cursor) in [(&alice, &of_alice), (&bob, &of_bob)] {
        caught_up(person, &elsewhere).await;
        let (events, _) = person.all_events(cursor, 10).await;
        let receipt = |event: &Value| {
            assert_eq!(event["type"], "receipt.read");
            let receipt = &event["data"]["receipt"];
            (receipt["userId"].clone(), receipt["readUpTo"].as_i64())
        };
        let moved: Vec<_> = events.iter().map(receipt).collect();
        // What did not move says nothing.
        assert_eq!(moved, [3, 5].map(|seq| (json!("bob"), Some(seq))));
    }
    let one = alice
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok();
    let members = one["members"].as_array().expect("members");
    assert!(
        members.iter().all(|member| member["readUpTo"] == 5),
        "{members:?}"
    );
}

#[tokio::test]
async fn sending_moves_the_senders_horizon_and_nobody_elses() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    say_many(&alice, &conversation, 3).await;
    assert_eq!(horizon(&alice, &conversation).await, (3, 0));
    assert_eq!(horizon(&bob, &conversation).await, (0, 3));
    bob.say(&conversation, "reply").await.ok();
    assert_eq!(horizon(&bob, &conversation).await, (4, 0));
    assert_eq!(horizon(&alice, &conversation).await, (3, 1));
    let read = alice
        .post(
            &format!("/v1/conversations/{conversation}/read"),
            &json!({ "upTo": 4 }),
        )
        .await
        .ok();
    assert_eq!(read["readUpTo"], 4);
}

#[tokio::test]
async fn in_a_large_group_only_ones_own_devices_hear_how_far_one_has_read() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let ids: Vec<_> = (1..=21).map(|i| format!("p{i}")).collect();
    let profiles: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
    service.put("/v1/users", &json!(profiles)).await.ok();
    let (first, second) = (app.person("p1"), app.person("p2"));
    for person in [&first, &second] {
        person.get("/v1/me").await.ok();
    }
    for (members, heard) in [(&ids[..20], 1), (&ids[..], 0)] {
        let body = json!({ "type": "GROUP", "memberIds": members });
        let group = service.post("/v1/conversations", &body).await.ok();
        let group = group["id"].as_str().expect("an id");
        first.say(group, "hello").await.ok();
        let (of_first, of_second) = (first.cursor().await, second.cursor().await);
        second
            .post(&format!("/v1/conversations/{group}/read"), &json!({}))
            .await
            .ok();
        assert_eq!(
            first.all_events(&of_first, 10).await.0.len(),
            heard,
            "{} members",
            members.len()
        );
        assert_eq!(second.all_events(&of_second, 10).await.0.len(), 1);
        assert_eq!(second.get("/v1/unread").await.ok()["total"], 0);
    }
}
