//! What changes between a request and what it comes to: wishes, and what is told while everything is being read.

use serde_json::{Value, json};

use super::{ids, notify, people, to};
use crate::scheduled::{ahead, are, let_time_pass};
use crate::support::{App, eventually};

#[tokio::test]
async fn whether_it_is_wanted_is_asked_when_it_is_shown() {
    let app = App::start().await;
    let (service, alice, bob) = people(&app).await;
    let wants = |is: bool| json!({ "types": [{ "type": "APPOINTMENT_MOVED", "inApp": is }] });
    bob.patch("/v1/me/preferences", &wants(false)).await.ok();
    let mut body = to(&["alice", "bob"], "In an hour");
    body["deliverAt"] = json!(ahead(3600));
    assert_eq!(notify(&service, &body).await.len(), 2);
    alice.patch("/v1/me/preferences", &wants(false)).await.ok();
    bob.patch("/v1/me/preferences", &wants(true)).await.ok();
    let_time_pass(&app).await;
    are(&app, "DONE", 2).await;
    let titles = |page: Value| page.to_string().matches("In an hour").count();
    assert_eq!(titles(alice.get("/v1/notifications").await.ok()), 0);
    assert_eq!(titles(bob.get("/v1/notifications").await.ok()), 1);
    let kept = "select count(*) from notifications where title is not null";
    assert_eq!(app.database.number(kept).await, 1, "of hers nothing");
}

#[tokio::test]
async fn what_is_told_while_all_are_being_read_is_unread() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    // Many steps long.
    let names = vec!["alice"];
    notify(&service, &to(&names, "the first")).await;
    app.database
        .execute(
            "insert into notifications (tenant_id, id, user_id, type, title, position, created_at)
             select tenant_id, gen_random_uuid(), user_id, type, title, position, created_at
               from notifications cross join generate_series(1, 20000)",
        )
        .await;
    let nothing = json!({});
    let all = alice.post("/v1/notifications/read-all", &nothing);
    let told = async {
        let read = "select count(*) from notifications where read_at is not null";
        eventually("the first step", async || {
            (app.database.number(read).await > 0).then_some(())
        })
        .await;
        notify(&service, &to(&names, "meanwhile")).await
    };
    let (answer, told) = tokio::join!(all, told);
    assert_eq!(answer.status, 204);
    let page = alice.get("/v1/notifications?unread=true").await.ok();
    assert_eq!(ids(&page), told);
    assert_eq!(page["unreadCount"], 1);
}
