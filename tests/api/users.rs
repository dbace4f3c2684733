//! People, as the host describes them, and who may look at them.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{App, Person};

#[tokio::test]
async fn the_host_puts_profiles_and_what_is_left_out_stays() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let image = "https://img.example/a.png";
    let put = service
        .put(
            "/v1/users/alice",
            &json!({ "name": "Alice", "imageUrl": image, "role": "seller" }),
        )
        .await;
    assert_eq!(put.status, 200);
    let expected = json!({ "id": "alice", "name": "Alice", "imageUrl": image, "role": "seller" });
    assert_eq!(put.body, expected);
    assert_eq!(
        service.put("/v1/users/alice", &json!({})).await.ok(),
        expected
    );
    let renamed = service
        .put(
            "/v1/users/alice",
            &json!({ "id": "alice", "name": "Alice L." }),
        )
        .await
        .ok();
    assert_eq!(
        (&renamed["name"], &renamed["imageUrl"]),
        (&json!("Alice L."), &json!(image))
    );
    // A token issued before does not take it back.
    let iat = chrono::Utc::now().timestamp() - 60;
    let older = Person::with(&service.base, "alice", |claims| {
        (claims.name, claims.iat) = (Some("Old".to_owned()), iat)
    });
    let me = older.get("/v1/me").await.ok();
    assert_eq!(
        (&me["id"], &me["name"]),
        (&json!("alice"), &json!("Alice L."))
    );
}

#[tokio::test]
async fn what_one_chooses_for_oneself_is_kept_and_told_to_ones_own_devices_alone() {
    let app = App::start().await;
    let (alice, bob, _) = app.two_people_talking().await;
    let chosen = async |person: &Person| {
        let me = person.get("/v1/me").await.ok();
        (me["presenceHidden"].clone(), me["receiptsOff"].clone())
    };
    assert_eq!(chosen(&alice).await, (json!(false), json!(false)));
    let since = [alice.cursor().await, bob.cursor().await];
    let patch = |body: &Value| alice.request(reqwest::Method::PATCH, "/v1/me").json(body);
    for (body, expected) in [
        (
            json!({ "presenceHidden": true }),
            (json!(true), json!(false)),
        ),
        (json!({ "receiptsOff": true }), (json!(true), json!(true))),
        (json!({}), (json!(true), json!(true))),
        (json!({ "receiptsOff": true }), (json!(true), json!(true))),
    ] {
        alice.send(patch(&body)).await.ok();
        assert_eq!(chosen(&alice).await, expected);
    }
    assert_eq!(chosen(&bob).await, (json!(false), json!(false)));
    let told = alice.all_events(&since[0], 200).await.0;
    let kinds: Vec<_> = told.iter().map(|event| &event["type"]).collect();
    assert_eq!(kinds, ["user.updated", "user.updated"]);
    assert!(bob.all_events(&since[1], 200).await.0.is_empty());
    let refused = alice.send(patch(&json!({ "receiptsOff": "yes" }))).await;
    assert_eq!(refused.body["errors"][0]["pointer"], "/receiptsOff");
}

#[tokio::test]
async fn many_profiles_are_put_at_once_and_given_in_their_order() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let profiles: Vec<_> = (0..1000)
        .rev()
        .map(|i| json!({ "id": format!("u{i}"), "name": format!("Number {i}") }))
        .collect();
    let put = service.put("/v1/users", &json!(profiles)).await.ok();
    let items = put["items"].as_array().expect("items");
    assert_eq!(items.len(), 1000);
    assert!(
        items
            .iter()
            .zip(&profiles)
            .all(|(item, profile)| item["id"] == profile["id"] && item["name"] == profile["name"])
    );
    assert_eq!(put["hasMore"], false);
    // The same person twice: the later word counts.
    let put = service
        .put(
            "/v1/users",
            &json!([{ "id": "u1", "name": "First" }, { "id": "u1", "name": "Second" }]),
        )
        .await
        .ok();
    assert_eq!(put["items"][0]["name"], "Second");
    assert_eq!(
        service.put("/v1/users", &json!([])).await.ok()["items"],
        json!([])
    );
    assert_eq!(
        app.database
            .number("select count(*) from users where id like 'u%'")
            .await,
        1000
    );
    // Known now: they can be talked to before they ever came.
    let u1 = app.person("u1");
    u1.converse_with("u2").await;
}

#[tokio::test]
async fn a_person_is_shown_to_itself_to_correspondents_and_to_the_host() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let (mallory, service) = (
        app.person("mallory"),
        Person::service(&app.instances[0].url),
    );
    mallory.get("/v1/me").await.ok();
    let expected = json!({ "id": "bob", "name": "bob", "imageUrl": null, "role": null });
    for by in [&alice, &bob, &service] {
        assert_eq!(by.get("/v1/users/bob").await.ok(), expected, "to {}", by.id);
    }
    let own = bob.get("/v1/me").await.ok();
    assert!(
        expected
            .as_object()
            .expect("a user")
            .iter()
            .all(|(key, value)| own[key] == *value)
    );
    for (by, id) in [
        (&mallory, "bob"),
        (&bob, "mallory"),
        (&bob, "nobody"),
        (&service, "nobody"),
    ] {
        let refused = by.get(&format!("/v1/users/{id}")).await;
        assert_eq!(
            (refused.status, refused.code()),
            (404, "not-found"),
            "{id} to {}",
            by.id
        );
    }
    // Deleting for oneself leaves the two in the same conversation.
    bob.delete(&format!("/v1/conversations/{conversation}"))
        .await
        .ok();
    assert_eq!(bob.get("/v1/users/alice").await.ok()["id"], "alice");
}

#[tokio::test]
async fn whoever_shares_a_conversation_is_told_of_a_new_profile_and_nobody_else() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let (mallory, service) = (
        app.person("mallory"),
        Person::service(&app.instances[0].url),
    );
    let message = alice.say(&conversation, "Bonjour").await.ok();
    let mut cursors = Vec::new();
    for person in [&alice, &bob, &mallory] {
        cursors.push(person.cursor().await);
    }
    service
        .put("/v1/users/alice", &json!({ "name": "Alice" }))
        .await
        .ok();
    service
        .put("/v1/users/alice", &json!({ "name": "Alice" }))
        .await
        .ok();
    for (person, (cursor, expected)) in [&alice, &bob, &mallory]
        .iter()
        .zip(cursors.iter().zip([2, 1, 0]))
    {
        let elsewhere = person.at(&app.instances[1].url);
        caught_up(&elsewhere, person).await;
        let (events, _) = elsewhere.all_events(cursor, 10).await;
        assert_eq!(events.len(), expected, "{}", person.id);
        for event in events {
            assert_eq!(
                (&event["type"], &event["data"]["user"]["name"]),
                (&json!("user.updated"), &json!("Alice"))
            );
        }
    }
    // What was said before is shown under the name of now.
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
    assert_eq!(bob.get(&path).await.ok()["sender"]["name"], "Alice");
    let members: Vec<Value> = bob
        .get(&format!("/v1/conversations/{conversation}"))
        .await
        .ok()["members"]
        .as_array()
        .expect("members")
        .clone();
    assert!(
        members
            .iter()
            .any(|member| member["user"]["name"] == "Alice")
    );
}
