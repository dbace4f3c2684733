//! A conversation put aside, closed, or deleted: for oneself, and for all.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::members::{group, kinds};
use crate::support::{App, Person};

async fn listed(by: &Person, query: &str) -> Vec<Value> {
    let page = by.get(&format!("/v1/conversations{query}")).await.ok();
    let items = page["items"].as_array().expect("items").iter();
    items.map(|item| item["id"].clone()).collect()
}

#[tokio::test]
async fn an_archived_conversation_is_back_with_the_next_message() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "hi").await.ok();
    let path = format!("/v1/conversations/{conversation}");
    let since = [alice.cursor().await, bob.cursor().await];
    let archived = bob
        .patch(&path, &json!({ "status": "ARCHIVED" }))
        .await
        .ok();
    assert_eq!(
        (&archived["me"]["status"], &archived["me"]["unreadCount"]),
        (&json!("ARCHIVED"), &json!(1))
    );
    bob.patch(&path, &json!({ "status": "ARCHIVED" }))
        .await
        .ok();
    assert!(listed(&bob, "").await.is_empty() && listed(&bob, "?status=ACTIVE").await.is_empty());
    assert_eq!(
        listed(&bob, "?status=ARCHIVED").await,
        [json!(conversation)]
    );
    assert_eq!(
        listed(&alice, "").await,
        [json!(conversation)],
        "hers is where it was"
    );
    assert!(kinds(&alice, &since[0]).await.is_empty());
    let (events, _) = bob
        .at(&app.instances[0].url)
        .all_events(&since[1], 10)
        .await;
    assert_eq!(events.len(), 1, "once, to his own devices");
    assert_eq!(
        (&events[0]["type"], &events[0]["data"]["status"]),
        (&json!("conversation.updated"), &json!("ARCHIVED"))
    );
    assert_eq!(events[0]["data"]["conversation"].get("me"), None);
    // Taken back by hand, and by a message.
    let back = bob.patch(&path, &json!({ "status": "ACTIVE" })).await.ok();
    assert_eq!(back["me"]["status"], "ACTIVE");
    bob.patch(&path, &json!({ "status": "ARCHIVED" }))
        .await
        .ok();
    alice.say(&conversation, "are you there?").await.ok();
    assert_eq!(listed(&bob, "").await, [json!(conversation)]);
    assert_eq!(bob.get(&path).await.ok()["me"]["status"], "ACTIVE");
    let host = Person::service(&bob.base);
    let refused = host.patch(&path, &json!({ "status": "ARCHIVED" })).await;
    assert_eq!(
        (refused.status, &refused.body["errors"][0]["pointer"]),
        (422, &json!("/status"))
    );
}

#[tokio::test]
async fn an_archived_or_rejoined_conversation_has_its_place_in_a_large_inbox() {
    // Without notices: nothing but the joining itself says where it belongs.
    let settings = "unknown_users=\"create\",tenant={notices=false}";
    let app = App::with(1, settings).await;
    let alice = app.person("alice");
    let mut ids = Vec::new();
    for n in 0..60 {
        ids.push(alice.converse_with(&format!("u{n}")).await);
    }
    let made = alice
        .post(
            "/v1/conversations",
            &json!({ "type": "GROUP", "memberIds": ["bob"] }),
        )
        .await
        .ok();
    let (team, members) = (
        made["id"].clone(),
        format!(
            "/v1/conversations/{}/members",
            made["id"].as_str().expect("an id")
        ),
    );
    let newest = format!("/v1/conversations/{}", ids[59]);
    let bob = app.person("bob");
    let mut bobs_own = Vec::new();
    for n in 0..60 {
        bobs_own.push(bob.converse_with(&format!("u{n}")).await);
    }
    // Their feeds are in memory, and say where to look.
    for person in [&alice, &bob] {
        person.cursor().await;
        assert_eq!(listed(person, "?limit=2").await.len(), 2);
    }
    assert_eq!(listed(&alice, "?limit=2").await[1], json!(ids[59]));
    alice
        .patch(&newest, &json!({ "status": "ARCHIVED" }))
        .await
        .ok();
    assert_eq!(listed(&alice, "?limit=2").await[1], json!(ids[58]));
    alice
        .patch(&newest, &json!({ "status": "ACTIVE" }))
        .await
        .ok();
    assert_eq!(listed(&alice, "?limit=2").await[1], json!(ids[59]));
    alice
        .say(team.as_str().expect("an id"), "the newest")
        .await
        .ok();
    assert_eq!(listed(&bob, "?limit=1").await[0], team);
    let bobs = format!("{members}/bob");
    assert_eq!(alice.delete(&bobs).await.status, 204);
    assert_ne!(listed(&bob, "?limit=1").await[0], team);
    come_back(&alice, &bob, &team, &bobs_own).await;
}

async fn come_back(alice: &Person, bob: &Person, team: &Value, bobs_own: &[String]) {
    let id = team.as_str().expect("an id");
    let members = format!("/v1/conversations/{id}/members");
    // Others of his are newer than what he saw of it, and older than what was said there without him.
    for id in bobs_own.iter().take(5) {
        bob.say(id, "newer").await.ok();
    }
    alice.say(id, "without Bob").await.ok();
    let back = json!({ "memberIds": ["bob"] });
    alice.post(&members, &back).await.ok();
    assert_eq!(listed(bob, "?limit=1").await[0], *team);
    // And one that he was never in.
    let other = json!({ "type": "GROUP", "memberIds": [], "firstMessage": { "content": "x" } });
    let other = alice.post("/v1/conversations", &other).await.ok()["id"].clone();
    let path = format!(
        "/v1/conversations/{}/members",
        other.as_str().expect("an id")
    );
    alice.post(&path, &back).await.ok();
    assert_eq!(listed(bob, "?limit=1").await[0], other);
}

#[tokio::test]
async fn nobody_sends_to_a_closed_conversation_and_create_or_get_gives_it() {
    let app = App::start().await;
    let (alice, bob, _) = app.two_people_talking().await;
    let context = json!({ "type": "AD", "id": "ad-1" });
    let body = json!({ "type": "PRIVATE", "recipientId": "bob", "context": context });
    let made = alice.post("/v1/conversations", &body).await.ok();
    let id = made["id"].as_str().expect("an id");
    let path = format!("/v1/conversations/{id}");
    let sent = alice.say(id, "hi").await.ok();
    let since = bob.cursor().await;
    let closed = bob.patch(&path, &json!({ "closed": true })).await.ok();
    assert_eq!(closed["closed"], true);
    bob.patch(&path, &json!({ "closed": true })).await.ok();
    assert_eq!(
        kinds(&alice, &since).await,
        ["conversation.updated"],
        "once"
    );
    let edit = json!({ "content": "x" });
    let message = format!("/v1/messages/{}", sent["id"].as_str().expect("an id"));
    for refused in [
        alice.say(id, "hi").await,
        alice.patch(&message, &edit).await,
    ] {
        assert_eq!(
            (refused.status, refused.code()),
            (409, "conversation-closed")
        );
    }
    let found = alice.post("/v1/conversations", &body).await;
    assert_eq!(
        (found.status, &found.body["id"], &found.body["closed"]),
        (200, &made["id"], &json!(true))
    );
    let first = json!({ "type": "PRIVATE", "recipientId": "bob", "context": context, "firstMessage": { "content": "x" } });
    assert_eq!(
        alice.post("/v1/conversations", &first).await.code(),
        "conversation-closed"
    );
    bob.post(&format!("{path}/read"), &json!({})).await.ok();
    alice.patch(&path, &json!({ "closed": false })).await.ok();
    alice.say(id, "open again").await.ok();
}

#[tokio::test]
async fn deleted_for_all_is_gone_for_everybody_and_its_place_is_free() {
    let mut app = App::start().await;
    app.add("ring={events=1}", &[]).await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let body = json!({ "type": "GROUP", "memberIds": ["bob"], "key": "team" });
    let made = alice.post("/v1/conversations", &body).await.ok();
    let id = made["id"].as_str().expect("an id");
    let path = format!("/v1/conversations/{id}");
    let since = bob.cursor().await;
    alice.say(id, "hi").await.ok();
    assert_eq!(bob.delete(&path).await.status, 403);
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.status, 204, "said again");
    assert_eq!(bob.delete(&path).await.status, 404);
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&elsewhere, &alice).await;
    for reader in [&bob, &elsewhere] {
        assert_eq!(
            kinds(reader, &since).await,
            ["message.created", "conversation.deleted"]
        );
        assert_eq!(reader.get("/v1/unread").await.ok()["total"], 0);
        assert!(listed(reader, "").await.is_empty());
    }
    let host = Person::service(&alice.base);
    for by in [&alice, &bob, &host] {
        assert_eq!(by.get(&path).await.status, 404);
        assert_eq!(by.say(id, "x").await.status, 404);
        assert_eq!(by.get(&format!("{path}/members")).await.status, 404);
    }
    assert_eq!(
        host.delete(&path).await.status,
        204,
        "said again, by the host"
    );
    let anew = alice.post("/v1/conversations", &body).await;
    assert_eq!(anew.status, 201);
    assert_ne!(anew.body["id"], made["id"]);
    assert_eq!(
        kinds(&bob, &since).await,
        [
            "message.created",
            "conversation.deleted",
            "conversation.created"
        ]
    );
}

#[tokio::test]
async fn the_host_deletes_a_pair_for_both_and_each_of_them_for_oneself() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}");
    alice.say(&conversation, "hi").await.ok();
    assert_eq!(bob.delete(&path).await.status, 204);
    assert!(listed(&bob, "").await.is_empty() && !listed(&alice, "").await.is_empty());
    let since = bob.cursor().await;
    assert_eq!(Person::service(&alice.base).delete(&path).await.status, 204);
    assert!(listed(&alice, "").await.is_empty());
    assert_eq!(kinds(&bob, &since).await, ["conversation.deleted"]);
    assert_ne!(alice.converse_with("bob").await, conversation);
}

#[tokio::test]
async fn a_change_for_all_is_an_admins_and_what_is_left_out_stays() {
    let app = App::start().await;
    let (alice, path) = group(&app, &["bob"]).await;
    let changed = alice
        .patch(&path, &json!({ "metadata": { "colour": "blue" } }))
        .await
        .ok();
    assert_eq!(
        (&changed["subject"], &changed["metadata"]),
        (&json!("Team"), &json!({ "colour": "blue" }))
    );
    let changed = alice.patch(&path, &json!({ "subject": null })).await.ok();
    assert_eq!(
        (&changed["subject"], &changed["metadata"]["colour"]),
        (&Value::Null, &json!("blue"))
    );
    // Both, or neither.
    let both = json!({ "closed": true, "status": "ARCHIVED" });
    let refused = app.person("bob").patch(&path, &both).await;
    assert_eq!((refused.status, refused.code()), (403, "forbidden"));
    assert_eq!(
        listed(&app.person("bob"), "?status=ARCHIVED").await,
        [] as [Value; 0]
    );
    let changed = alice.patch(&path, &both).await.ok();
    assert_eq!(
        (&changed["closed"], &changed["me"]["status"]),
        (&json!(true), &json!("ARCHIVED"))
    );
    for (body, pointer) in [
        (json!({ "subject": "" }), "/subject"),
        (json!({ "subject": "x".repeat(201) }), "/subject"),
        (
            json!({ "metadata": { "a": "x".repeat(5000) } }),
            "/metadata",
        ),
        (json!({ "status": "GONE" }), "/status"),
        (json!({ "closed": "yes" }), "/closed"),
        (json!({ "type": "PRIVATE" }), "/type"),
    ] {
        let refused = alice.patch(&path, &body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["pointer"]),
            (422, &json!(pointer)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_organisation_is_named_by_those_whose_token_lists_it() {
    let app = App::with(1, "claims={organizations=[\"orgs\"]}").await;
    app.person("bob").get("/v1/me").await.ok();
    let with = |listed: Value| {
        Person::with(&app.instances[0].url, "alice", |claims| {
            claims.more.insert("orgs".to_owned(), listed);
        })
    };
    let body = |id: &str| json!({ "type": "GROUP", "memberIds": ["bob"], "organizationId": id });
    for (claim, id, status) in [
        (json!(["a", "b"]), "b", 201),
        (json!([7]), "7", 201),
        (json!("a"), "a", 201),
        (json!(["a"]), "c", 422),
        (Value::Null, "a", 422),
    ] {
        let answer = with(claim.clone())
            .post("/v1/conversations", &body(id))
            .await;
        assert_eq!(answer.status, status, "{claim} {id}");
        if status == 422 {
            assert_eq!(answer.body["errors"][0]["pointer"], "/organizationId");
        }
    }
    let host = Person::service(&app.instances[0].url);
    assert_eq!(
        host.post("/v1/conversations", &body("any")).await.status,
        201
    );
}
