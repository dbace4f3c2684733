//! Who comes back under the id of somebody who was erased is somebody else; and what nobody may say in their place.

use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};

use super::canaries::{CANARY, finished, tables_with};
use super::site::Site;
use crate::support::{App, Person, eventually};

/// The members of a conversation, as `person` reads them.
async fn member(person: &Person, conversation: &str, id: &str) -> Value {
    let path = format!("/v1/conversations/{conversation}");
    let read = person.get(&path).await.ok();
    let members = read["members"].as_array().expect("members");
    let of = members.iter().find(|one| one["user"]["id"] == id);
    of.unwrap_or_else(|| panic!("{id} in {read}")).clone()
}

/// A new Alice, by a token that is newer than the erasure.
async fn come_back(app: &App) -> Person {
    eventually("a new token to be let in", async || {
        let anew = Person::with(&app.instances[0].url, "alice", |claims| {
            claims.name = Some("Another Alice".to_owned());
        });
        (anew.get("/v1/me").await.status == 200).then_some(anew)
    })
    .await
}

#[tokio::test]
async fn who_comes_back_is_not_put_into_what_was_erased() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    site.erase().await;
    finished(&app).await;
    let anew = come_back(&app).await;
    anew.converse_with("bob").await;
    let gone =
        json!({ "id": "alice", "name": null, "imageUrl": null, "role": null, "isDeleted": true });
    let of_pair = member(&site.bob, &site.pair, "alice").await;
    assert_eq!(of_pair["user"], gone);
    let all = site.everything(&site.bob).await;
    let lines = all.lines().filter(|line| line.contains("Another Alice"));
    let about_old = |line: &&str| line.contains(&site.pair) || line.contains(&site.group);
    let wrong: Vec<&str> = lines
        .filter(|line| line.starts_with("bob /v1/conversations/"))
        .filter(about_old)
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    for id in &site.messages {
        let read = site.bob.get(&format!("/v1/messages/{id}")).await;
        assert!(!read.text.contains("Another Alice"), "{}", read.text);
    }

    let done = site.service.delete("/v1/users/carol").await;
    assert_eq!(done.status, 204, "{}", done.text);
    finished(&app).await;
    let notice = format!("/v1/messages/{}", site.notice);
    let words = site.bob.get(&notice).await.ok()["content"].clone();
    assert_eq!(words, "Compte supprimé a ajouté Compte supprimé.");
}

#[tokio::test]
async fn who_is_erased_is_in_no_new_conversation_even_where_unknown_people_are_made() {
    let app = App::with(1, "unknown_users=\"create\"").await;
    let site = Site::build(&app).await;
    site.erase().await;
    finished(&app).await;
    let add = json!({ "memberIds": ["alice", "somebody new"] });
    let members = format!("/v1/conversations/{}/members", site.group);
    let group = json!({ "type": "GROUP", "memberIds": ["alice", "somebody else"] });
    for (path, body) in [(members.as_str(), &add), ("/v1/conversations", &group)] {
        let refused = site.bob.post(path, body).await;
        assert_eq!(refused.code(), "user-unknown", "{}", refused.text);
        let field = refused.body["errors"][0]["pointer"].clone();
        assert_eq!(field, "/memberIds/0", "{}", refused.text);
    }
}

#[tokio::test]
async fn a_notice_is_nobodys_to_edit_so_no_earlier_words_of_it_are_kept() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    let notice = format!("/v1/messages/{}", site.notice);
    let edit = json!({ "content": "in other words" });
    for person in [&site.service, &site.bob] {
        assert_eq!(person.patch(&notice, &edit).await.code(), "forbidden");
    }
    assert_eq!(site.service.delete(&notice).await.status, 204);
}

#[tokio::test]
async fn when_somebody_read_and_was_there_is_forgotten_and_the_id_stays_where_the_host_needs_it() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    let read = json!({ "upTo": 1 });
    let path = format!("/v1/conversations/{}/read", site.pair);
    site.alice.post(&path, &read).await;
    let told = member(&site.bob, &site.pair, "alice").await;
    assert!(told["readAt"].is_string(), "{told}");
    // And where she was a member once.
    let left = json!({ "type": "GROUP", "memberIds": ["alice"] });
    let left = site.bob.post("/v1/conversations", &left).await.ok();
    let left = left["id"].as_str().expect("an id").to_owned();
    site.bob.say(&left, "Do you read this?").await.ok();
    let path = format!("/v1/conversations/{left}");
    site.alice
        .post(&format!("{path}/read"), &json!({}))
        .await
        .ok();
    let gone = site.alice.delete(&format!("{path}/members/alice")).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    let times = "select count(*) from members where user_id = 'alice' and (read_at is not null or shown_at is not null)";
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let noted: i64 = sqlx::query_scalar(times)
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert!(noted >= 2, "{noted}");
    eventually("her presence to be noted", async || {
        site.alice.get("/v1/unread").await.ok();
        let tables = tables_with(&app, "\"alice\"").await;
        tables.contains(&"presence".to_owned()).then_some(())
    })
    .await;
    site.erase().await;
    finished(&app).await;
    let told = member(&site.bob, &site.pair, "alice").await;
    assert_eq!(told["readAt"], Value::Null);
    let noted: i64 = sqlx::query_scalar(times)
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert_eq!(noted, 0);
    assert!(tables_with(&app, CANARY).await.is_empty());
    let kept = tables_with(&app, "\"alice\"").await;
    let meant = [
        "erasures",
        "events",
        "members",
        "messages",
        "revocations",
        "users",
    ];
    assert_eq!(kept, meant);
}
