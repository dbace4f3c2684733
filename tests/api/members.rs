//! Who is in a group: adding, roles, removing, leaving, coming back.

use serde_json::{Value, json};

use crate::support::{App, Person};

/// A group of alice, its ADMIN, and these; with its path.
pub async fn group(app: &App, ids: &[&str]) -> (Person, String) {
    let alice = app.person("alice");
    for id in ids {
        app.person(id).get("/v1/me").await.ok();
    }
    let body = json!({ "type": "GROUP", "memberIds": ids, "subject": "Team" });
    let made = alice.post("/v1/conversations", &body).await.ok();
    let id = made["id"].as_str().expect("an id").to_owned();
    (alice, format!("/v1/conversations/{id}"))
}

/// Who is in it, with their roles, in order of joining.
async fn members(by: &Person, group: &str) -> Vec<(String, String)> {
    let page = by.get(&format!("{group}/members")).await.ok();
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|m| (text(&m["user"]["id"]), text(&m["role"])))
        .collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

/// The kinds of the events after a cursor.
pub async fn kinds(of: &Person, since: &str) -> Vec<String> {
    let (events, _) = of.all_events(since, 200).await;
    let kind = |event: &Value| event["type"].as_str().expect("a type").to_owned();
    events.iter().map(kind).collect()
}

#[tokio::test]
async fn an_admin_adds_people_with_roles_and_all_transports_tell() {
    let app = App::with(2, "").await;
    let (alice, group) = group(&app, &["bob"]).await;
    let (bob, carol) = (app.person("bob"), app.person("carol"));
    carol.get("/v1/me").await.ok();
    alice
        .say(group.rsplit('/').next().expect("an id"), "before")
        .await
        .ok();
    let since = [bob.cursor().await, carol.cursor().await];
    let path = format!("{group}/members");
    let body = json!({ "members": [{ "userId": "carol", "role": "ADMIN" }, { "userId": "bob", "role": "ADMIN" }] });
    let added = alice.post(&path, &body).await.ok();
    assert_eq!(added["items"][0]["user"]["id"], "carol");
    assert_eq!(
        added["items"][1]["role"], "MEMBER",
        "who is there stays as they are"
    );
    let expected = [("alice", "ADMIN"), ("bob", "MEMBER"), ("carol", "ADMIN")];
    assert_eq!(members(&bob, &group).await, pairs(&expected));
    for (person, since) in [&bob, &carol].into_iter().zip(&since) {
        let (events, _) = person.at(&app.instances[0].url).all_events(since, 1).await;
        assert_eq!(events.len(), 2, "the joining and the notice: {events:?}");
        assert_eq!(events[0]["type"], "member.joined");
        assert_eq!(events[0]["data"]["member"]["user"]["id"], "carol");
        assert_eq!(events[0]["actorId"], "alice");
        assert_eq!(events[1]["data"]["message"]["notice"]["type"], "JOINED");
    }
    // Not unread to whoever joins: neither what was said before, nor the notice.
    assert_eq!(carol.get("/v1/unread").await.ok()["total"], 0);
    let all = carol.get(&format!("{group}/messages")).await.ok();
    assert_eq!(
        all["items"].as_array().map(Vec::len),
        Some(2),
        "the whole history"
    );
    let listed = carol.get("/v1/conversations").await.ok();
    assert_eq!(listed["items"][0]["me"]["role"], "ADMIN");
}

#[tokio::test]
async fn only_an_admin_or_the_host_manages_and_strangers_see_nothing() {
    let app = App::start().await;
    let (alice, group) = group(&app, &["bob", "carol"]).await;
    let (bob, mallory) = (app.person("bob"), app.person("mallory"));
    mallory.get("/v1/me").await.ok();
    let members_path = format!("{group}/members");
    let add = json!({ "memberIds": ["mallory"] });
    let role = json!({ "role": "ADMIN" });
    let carol = format!("{members_path}/carol");
    for (by, status, code) in [(&bob, 403, "forbidden"), (&mallory, 404, "not-found")] {
        for answer in [
            by.post(&members_path, &add).await,
            by.patch(&carol, &role).await,
            by.delete(&carol).await,
            by.patch(&group, &json!({ "subject": "Mine" })).await,
        ] {
            assert_eq!(
                (answer.status, answer.code()),
                (status, code),
                "{}",
                answer.text
            );
        }
    }
    assert_eq!(mallory.get(&members_path).await.status, 404);
    assert_eq!(
        mallory.delete(&format!("{members_path}/me")).await.status,
        404
    );
    // Somebody who is not in it, or nowhere.
    for id in ["mallory", "nobody", &"x".repeat(200)] {
        let path = format!("{members_path}/{id}");
        assert_eq!(alice.patch(&path, &role).await.status, 404, "{id}");
        assert_eq!(alice.delete(&path).await.status, 404, "{id}");
    }
    let host = Person::service(&alice.base);
    host.post(&members_path, &add).await.ok();
    host.patch(&carol, &role).await.ok();
    assert_eq!(
        host.delete(&format!("{members_path}/bob")).await.status,
        204
    );
    let expected = [
        ("alice", "ADMIN"),
        ("carol", "ADMIN"),
        ("mallory", "MEMBER"),
    ];
    assert_eq!(members(&host, &group).await, pairs(&expected));
}

#[tokio::test]
async fn the_last_admin_names_another_one_first() {
    let app = App::start().await;
    let (alice, group) = group(&app, &["bob"]).await;
    let me = format!("{group}/members/me");
    let step_down = json!({ "role": "MEMBER" });
    for refused in [alice.delete(&me).await, alice.patch(&me, &step_down).await] {
        assert_eq!((refused.status, refused.code()), (409, "last-admin"));
    }
    let bob = format!("{group}/members/bob");
    let named = alice.patch(&bob, &json!({ "role": "ADMIN" })).await.ok();
    assert_eq!(named["role"], "ADMIN");
    assert_eq!(alice.delete(&me).await.status, 204);
    assert_eq!(alice.delete(&me).await.status, 204, "said again");
    assert_eq!(alice.get(&group).await.status, 404);
    // The last one there may go.
    assert_eq!(app.person("bob").delete(&me).await.status, 204);
}

#[tokio::test]
async fn of_two_admins_who_leave_at_once_one_stays() {
    let app = App::with(2, "").await;
    for _ in 0..20 {
        let (alice, group) = group(&app, &["bob", "carol"]).await;
        let role = json!({ "role": "ADMIN" });
        alice
            .patch(&format!("{group}/members/bob"), &role)
            .await
            .ok();
        let bob = app.person("bob").at(&app.instances[1].url);
        let me = format!("{group}/members/me");
        let (a, b) = tokio::join!(alice.delete(&me), bob.delete(&me));
        let mut statuses = [a.status, b.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
    }
}

#[tokio::test]
async fn whoever_left_sees_no_more_and_on_coming_back_the_new_stretch_only() {
    let mut app = App::start().await;
    // One that holds nothing in memory.
    app.add("ring={events=1}", &[]).await;
    let (alice, group) = group(&app, &["bob"]).await;
    let (id, bob) = (
        group.rsplit('/').next().expect("an id").to_owned(),
        app.person("bob"),
    );
    let since = bob.cursor().await;
    alice.say(&id, "before").await.ok();
    let bobs = format!("{group}/members/bob");
    assert_eq!(alice.delete(&bobs).await.status, 204);
    alice.say(&id, "meanwhile").await.ok();
    assert_eq!(
        kinds(&bob, &since).await,
        ["message.created", "member.left"]
    );
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 0);
    let refused = bob.say(&id, "still here?").await;
    assert_eq!((refused.status, refused.code()), (404, "not-found"));
    alice
        .post(
            &format!("{group}/members"),
            &json!({ "memberIds": ["bob"] }),
        )
        .await
        .ok();
    alice.say(&id, "after").await.ok();
    let elsewhere = bob.at(&app.instances[1].url);
    crate::instances::caught_up(&elsewhere, &alice).await;
    let expected = [
        "message.created",
        "member.left",
        "member.joined",
        "message.created",
        "message.created",
    ];
    for reader in [&bob, &elsewhere] {
        let (events, _) = reader.all_events(&since, 2).await;
        let told: Vec<_> = events.iter().map(|event| &event["type"]).collect();
        assert_eq!(told, expected);
        let said = |event: &&Value| event["data"]["message"]["content"] == "meanwhile";
        assert!(!events.iter().any(|event| said(&event)));
    }
    assert_eq!(
        bob.get("/v1/unread").await.ok()["total"],
        1,
        "the new stretch"
    );
    assert_eq!(bob.get(&group).await.ok()["me"]["unreadCount"], 1);
}

#[tokio::test]
async fn whoever_left_a_group_with_a_key_comes_back_by_an_admin_only() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let body = json!({ "type": "GROUP", "memberIds": ["bob"], "key": "team" });
    let made = alice.post("/v1/conversations", &body).await.ok();
    let group = format!("/v1/conversations/{}", made["id"].as_str().expect("an id"));
    assert_eq!(bob.delete(&format!("{group}/members/me")).await.status, 204);
    let mine = json!({ "type": "GROUP", "memberIds": ["alice"], "key": "team" });
    let refused = bob.post("/v1/conversations", &mine).await;
    assert_eq!((refused.status, refused.code()), (409, "key-taken"));
    let back = json!({ "memberIds": ["bob"] });
    alice.post(&format!("{group}/members"), &back).await.ok();
    let found = bob.post("/v1/conversations", &mine).await;
    assert_eq!((found.status, &found.body["id"]), (200, &made["id"]));
}

#[tokio::test]
async fn a_group_has_at_most_a_thousand_and_a_pair_its_two() {
    let app = App::with(1, "unknown_users=\"create\"").await;
    let ids: Vec<String> = (0..998).map(|n| format!("u{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let alice = app.person("alice");
    let body = json!({ "type": "GROUP", "memberIds": ids });
    let made = alice.post("/v1/conversations", &body).await.ok();
    let path = format!(
        "/v1/conversations/{}/members",
        made["id"].as_str().expect("an id")
    );
    let refused = alice.post(&path, &json!({ "memberIds": ["x", "y"] })).await;
    assert_eq!(refused.status, 422);
    assert_eq!(refused.body["errors"][0]["pointer"], "/memberIds");
    assert_eq!(refused.body["errors"][0]["code"], "too-many");
    alice
        .post(&path, &json!({ "memberIds": ["x", "u1"] }))
        .await
        .ok();
    let conversation = alice.get(path.trim_end_matches("/members")).await.ok();
    assert_eq!(conversation["memberCount"], 1000);
    assert_eq!(conversation["members"].as_array().map(Vec::len), Some(100));
    let (mut token, mut seen) = (String::new(), Vec::new());
    loop {
        let page = alice.get(&format!("{path}?limit=70{token}")).await.ok();
        let items = page["items"].as_array().expect("items").iter();
        seen.extend(items.map(|m| m["user"]["id"].to_string()));
        let Some(next) = page["nextPageToken"].as_str() else {
            break;
        };
        token = format!("&pageToken={next}");
    }
    let all: std::collections::HashSet<_> = seen.iter().collect();
    assert_eq!((seen.len(), all.len()), (1000, 1000), "each once");
    let pair = alice.converse_with("u1").await;
    let members = format!("/v1/conversations/{pair}/members");
    for refused in [
        alice.post(&members, &json!({ "memberIds": ["u2"] })).await,
        alice.delete(&format!("{members}/me")).await,
        alice
            .patch(&format!("{members}/u1"), &json!({ "role": "ADMIN" }))
            .await,
    ] {
        assert_eq!((refused.status, refused.code()), (409, "not-a-group"));
    }
}

#[tokio::test]
async fn people_nobody_knows_are_named_and_nobody_joins() {
    let app = App::start().await;
    let (alice, group) = group(&app, &["bob"]).await;
    app.person("carol").get("/v1/me").await.ok();
    let path = format!("{group}/members");
    let body = json!({ "members": [{ "userId": "carol" }, { "userId": "ghost" }] });
    let refused = alice.post(&path, &body).await;
    assert_eq!((refused.status, refused.code()), (422, "user-unknown"));
    assert_eq!(refused.body["errors"][0]["pointer"], "/members/1/userId");
    assert_eq!(members(&alice, &group).await.len(), 2);
    for (body, pointer) in [
        (json!({}), "/memberIds"),
        (json!({ "memberIds": [] }), "/memberIds"),
        (json!({ "memberIds": [""] }), "/memberIds/0"),
        (json!({ "memberIds": ["a"], "members": [] }), "/members"),
        (
            json!({ "members": [{ "userId": "a", "role": "KING" }] }),
            "/members/0/role",
        ),
    ] {
        let refused = alice.post(&path, &body).await;
        assert_eq!(refused.status, 422, "{body}");
        assert_eq!(refused.body["errors"][0]["pointer"], pointer, "{body}");
    }
}
