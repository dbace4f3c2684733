//! Feeds that are born of what Postgres says, while the tail has not come to it.

use serde_json::{Value, json};

use crate::frozen::{Frozen, Server, tail_of};
use crate::support::{App, Person, eventually};

/// An instance whose tail stands still while `change` is made at the other one, and what the people then read here from
/// `cursor` on: a first time as long as it stands still, and until there is no more.
struct Scene {
    _server: Server,
    app: App,
    alice: Person,
    group: String,
    cursor: String,
    frozen: Frozen,
}

impl Scene {
    /// Alice's group with Bob, who has no feed at the first instance yet. Alice is at the other one from now on.
    async fn set() -> Self {
        let server = Server::start().await;
        let mut app = server.app();
        app.add("", &[]).await;
        let tail = tail_of(&app).await;
        app.add("", &[]).await;
        let alice = app.person("alice");
        for id in ["bob", "cleo"] {
            app.person(id).get("/v1/me").await.ok();
        }
        let body = json!({ "type": "GROUP", "memberIds": ["bob"] });
        let group = alice.post("/v1/conversations", &body).await.ok();
        let cursor = alice.cursor().await;
        Self {
            alice: alice.at(&app.instances[1].url),
            group: group["id"].as_str().expect("an id").to_owned(),
            cursor,
            frozen: Frozen::one(tail),
            _server: server,
            app,
        }
    }

    fn members(&self) -> String {
        format!("/v1/conversations/{}/members", self.group)
    }

    async fn add(&self, id: &str) {
        let body = json!({ "memberIds": [id] });
        self.alice.post(&self.members(), &body).await.ok();
    }

    async fn remove(&self, id: &str) {
        let path = format!("{}/{id}", self.members());
        assert_eq!(self.alice.delete(&path).await.status, 204);
    }

    /// The types of everything somebody is told whose feed is born now, before the tail goes on.
    async fn told(self, id: &str) -> Vec<String> {
        let reader = self.app.person(id);
        let early = reader.poll(&self.cursor, "").await.ok();
        assert_eq!(early["events"], json!([]), "the tail stands still");
        assert_eq!(
            (&early["hasMore"], &early["unread"]),
            (&json!(true), &Value::Null)
        );
        drop(self.frozen);
        let (mut types, mut cursor) = (Vec::new(), self.cursor.clone());
        eventually("all that is counted", async || {
            let page = reader.poll(&cursor, "").await.ok();
            cursor = page["cursor"].as_str().expect("a cursor").to_owned();
            let events = page["events"].as_array().expect("events");
            types.extend(
                events
                    .iter()
                    .map(|event| event["type"].as_str().expect("a type").to_owned()),
            );
            (page["hasMore"] == false).then_some(())
        })
        .await;
        types
    }
}

#[tokio::test]
async fn who_left_before_the_tail_came_there_is_told_everything_up_to_that() {
    let scene = Scene::set().await;
    scene.alice.say(&scene.group, "before").await.ok();
    scene.remove("bob").await;
    scene.alice.say(&scene.group, "after").await.ok();
    assert_eq!(scene.told("bob").await, ["message.created", "member.left"]);
}

#[tokio::test]
async fn who_joined_before_the_tail_came_there_is_told_so_once() {
    let scene = Scene::set().await;
    scene.alice.say(&scene.group, "before").await.ok();
    scene.add("cleo").await;
    assert_eq!(
        scene.told("cleo").await,
        ["member.joined", "message.created"]
    );
}

#[tokio::test]
async fn who_came_and_went_before_the_tail_came_there_is_told_each_stretch() {
    let scene = Scene::set().await;
    for _ in 0..2 {
        scene.remove("bob").await;
        scene.alice.say(&scene.group, "not for Bob").await.ok();
        scene.add("bob").await;
    }
    scene.remove("bob").await;
    let stretch = ["member.left", "member.joined", "message.created"];
    let expected = [&stretch[..], &stretch, &stretch[..1]].concat();
    assert_eq!(scene.told("bob").await, expected);
}

#[tokio::test]
async fn what_was_deleted_before_the_tail_came_there_is_told_up_to_that() {
    let scene = Scene::set().await;
    scene.alice.say(&scene.group, "before").await.ok();
    let path = format!("/v1/conversations/{}", scene.group);
    assert_eq!(scene.alice.delete(&path).await.status, 204);
    assert_eq!(
        scene.told("bob").await,
        ["message.created", "conversation.deleted"]
    );
}
