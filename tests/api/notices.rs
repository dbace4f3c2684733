//! What a group says of itself, and in which language.

use serde_json::{Value, json};

use crate::members::group;
use crate::support::{App, Person};

/// The notices of a conversation: their words, and what they say to programs.
async fn notices(by: &Person, group: &str) -> Vec<(String, Value)> {
    let page = by.get(&format!("{group}/messages")).await.ok();
    let items = page["items"].as_array().expect("items").iter();
    let notices = items.filter(|message| !message["notice"].is_null());
    let said = |message: &Value| {
        assert_eq!(
            (&message["type"], &message["sender"]),
            (&json!("SYSTEM"), &Value::Null)
        );
        (
            message["content"].as_str().expect("words").to_owned(),
            message["notice"].clone(),
        )
    };
    notices.map(said).collect()
}

async fn join_leave_and_rename(app: &App) -> Vec<(String, Value)> {
    let (alice, group) = group(app, &["bob"]).await;
    for id in ["carol", "dave"] {
        app.person(id).get("/v1/me").await.ok();
    }
    let bob = app.person("bob");
    let members = format!("{group}/members");
    alice
        .post(&members, &json!({ "memberIds": ["carol", "dave"] }))
        .await
        .ok();
    alice
        .patch(&group, &json!({ "subject": "Fête" }))
        .await
        .ok();
    alice
        .patch(&group, &json!({ "subject": "Fête", "closed": false }))
        .await
        .ok();
    assert_eq!(bob.delete(&format!("{members}/me")).await.status, 204);
    assert_eq!(alice.delete(&format!("{members}/carol")).await.status, 204);
    assert_eq!(app.person("dave").get("/v1/unread").await.ok()["total"], 0);
    notices(&alice, &group).await
}

#[tokio::test]
async fn a_group_says_who_joined_who_left_and_its_new_name() {
    let app = App::start().await;
    let said = join_leave_and_rename(&app).await;
    let words: Vec<_> = said.iter().map(|(words, _)| words.as_str()).collect();
    let expected = [
        "alice a ajouté carol et dave.",
        "alice a renommé la conversation « Fête ».",
        "bob a quitté la conversation.",
        "alice a retiré carol.",
    ];
    assert_eq!(words, expected);
    let joined = json!({ "type": "JOINED", "actorId": "alice", "userIds": ["carol", "dave"], "subject": null });
    assert_eq!(said[0].1, joined);
    let renamed =
        json!({ "type": "RENAMED", "actorId": "alice", "userIds": [], "subject": "Fête" });
    assert_eq!(said[1].1, renamed);
}

#[tokio::test]
async fn a_tenant_has_its_own_language_or_no_notices_at_all() {
    let app = App::with(1, "tenants={en={language=\"en\"},quiet={notices=false}}").await;
    for (tenant, expected) in [("en", 1), ("quiet", 0), ("default", 1)] {
        let of = |id: &str| {
            Person::with(&app.instances[0].url, id, |claims| {
                claims.tenant = Some(tenant.to_owned())
            })
        };
        let alice = of("alice");
        of("bob").get("/v1/me").await.ok();
        let made = alice
            .post(
                "/v1/conversations",
                &json!({ "type": "GROUP", "memberIds": [] }),
            )
            .await
            .ok();
        let group = format!("/v1/conversations/{}", made["id"].as_str().expect("an id"));
        alice
            .post(
                &format!("{group}/members"),
                &json!({ "memberIds": ["bob"] }),
            )
            .await
            .ok();
        let said = notices(&alice, &group).await;
        assert_eq!(said.len(), expected, "{tenant}");
        if tenant == "en" {
            assert_eq!(said[0].0, format!("{} added bob.", alice.id));
        }
    }
}
