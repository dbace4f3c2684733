//! What a token says of a person, and when it changes what others see.

use serde_json::{Value, json};

use crate::auth::person;
use crate::support::{App, Person};

#[tokio::test]
async fn claims_are_read_in_either_spelling() {
    let app = App::start().await;
    let image = "https://img.example/a.png";
    for (claims, id, name, image_url) in [
        (
            json!({ "sub": "u1", "name": "Alice" }),
            "u1",
            json!("Alice"),
            Value::Null,
        ),
        (
            json!({ "userId": "u2", "firstName": "Ann", "lastName": "Lee", "picture": image }),
            "u2",
            json!("Ann Lee"),
            json!(image),
        ),
        (
            json!({ "userId": 42, "firstName": "Ann", "image": image }),
            "42",
            json!("Ann"),
            json!(image),
        ),
        (
            json!({ "sub": u64::MAX }),
            "18446744073709551615",
            Value::Null,
            Value::Null,
        ),
        (
            json!({ "sub": "u3", "userId": "u3", "lastName": "Lee", "email": "lee@mail.example", "other": [1] }),
            "u3",
            json!("Lee"),
            Value::Null,
        ),
        (
            json!({ "sub": "u4", "name": "", "picture": "http://img.example/a.png" }),
            "u4",
            Value::Null,
            Value::Null,
        ),
        (
            json!({ "sub": "u5", "name": null, "firstName": null, "iat": 1 }),
            "u5",
            Value::Null,
            Value::Null,
        ),
    ] {
        let me = person(&app, claims.clone()).get("/v1/me").await.ok();
        assert_eq!(
            (&me["id"], &me["name"], &me["imageUrl"]),
            (&json!(id), &name, &image_url),
            "{claims}"
        );
        let email = claims["email"].clone();
        assert_eq!(me["email"], email, "as the token says, or null");
    }
    let client = person(&app, json!({ "sub": "u6", "role": "client" }))
        .get("/v1/me")
        .await
        .ok();
    assert_eq!(client["role"], "client");
}

#[tokio::test]
async fn a_profile_changes_only_by_a_newer_token_and_correspondents_are_told() {
    let app = App::start().await;
    let (bob, stranger) = (app.person("bob"), app.person("mallory"));
    let now = chrono::Utc::now().timestamp();
    let named =
        |name: &str, iat: i64| person(&app, json!({ "sub": "alice", "name": name, "iat": iat }));
    bob.get("/v1/me").await.ok();
    named("alice", now - 100).converse_with("bob").await;
    let (start, of_stranger) = (bob.cursor().await, stranger.cursor().await);
    for (name, iat, expected) in [
        ("Old", now - 200, "alice"),
        ("Alice", now - 50, "Alice"),
        ("Older", now - 51, "Alice"),
        ("Same", now - 50, "Alice"),
    ] {
        let me = named(name, iat).get("/v1/me").await.ok();
        assert_eq!(me["name"], expected, "{name}");
    }
    let (events, cursor) = bob.all_events(&start, 10).await;
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(
        (&events[0]["type"], &events[0]["data"]["user"]["name"]),
        (&json!("user.updated"), &json!("Alice"))
    );
    assert_eq!(
        stranger.all_events(&of_stranger, 10).await.0.len(),
        0,
        "nobody else is told"
    );
    // A newer token that says the same is newer all the same: what it said last holds against what was said before it.
    named("Alice", now - 10).get("/v1/me").await.ok();
    assert_eq!(
        named("Between", now - 30).get("/v1/me").await.ok()["name"],
        "Alice"
    );
    assert_eq!(bob.all_events(&cursor, 10).await.0.len(), 0);
    assert_eq!(bob.get("/v1/users/alice").await.ok()["name"], "Alice");
    // By a clock that runs ahead: newer is what says so, and the host's own word of now comes after it.
    for (name, iat) in [("Ahead", now + 20), ("Later", now + 21)] {
        let me = named(name, iat).get("/v1/me").await.ok();
        assert_eq!(me["name"], name);
    }
    let service = Person::service(&app.instances[0].url);
    let put = json!({ "name": "Put" });
    let put = service.put("/v1/users/alice", &put).await.ok();
    assert_eq!(put["name"], "Put");
}
