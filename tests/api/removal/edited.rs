//! An edit whose author is removed between its commit and its answer.

use reqwest::Method;
use serde_json::json;
use sqlx::Executor;

use crate::support::{App, eventually};

/// The pool of requests, which the writer has no part in.
const POOL: i64 = 10;

#[tokio::test]
async fn an_edit_that_was_stored_is_answered_to_who_was_removed_meanwhile() {
    let app = App::start().await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let body = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = alice.post("/v1/conversations", &body).await.ok();
    let group = group["id"].as_str().expect("an id");
    let message = bob.say(group, "first").await.ok();
    let path = format!("/v1/messages/{}", message["id"].as_str().expect("an id"));
    // Every connection of the pool waits for this lock, and what the edit reads once it is stored waits for one of them.
    let mut lock = app.database.connect().await;
    let taken = lock.execute("begin; lock table stream_tickets in access exclusive mode");
    taken.await.expect("a lock");
    let buy = |_| {
        let alice = alice.clone();
        tokio::spawn(async move { alice.post("/v1/stream-tickets", &json!({})).await })
    };
    let tickets: Vec<_> = (0..POOL).map(buy).collect();
    let waiting =
        "select count(*) from pg_locks where not granted and relation = 'stream_tickets'::regclass";
    eventually("a pool that is taken", async || {
        (app.database.number(waiting).await == POOL).then_some(())
    })
    .await;
    let edit = bob.request(Method::PATCH, &path);
    let edit = edit.json(&json!({ "content": "second" }));
    let edit = tokio::spawn(async move { bob.send(edit).await });
    eventually("a stored edit", async || {
        (app.database.number("select count(*) from revisions").await == 1).then_some(())
    })
    .await;
    let member = format!("/v1/conversations/{group}/members/bob");
    assert_eq!(alice.delete(&member).await.status, 204);
    lock.execute("rollback").await.expect("released");
    let edited = edit.await.expect("no panic").ok();
    assert_eq!(edited["content"], "second", "{edited}");
    for ticket in tickets {
        ticket.await.expect("no panic");
    }
}
