//! People who are erased before their time has come.

use serde_json::{Value, json};

use super::{is, jobs, let_time_pass, people, remind, to, told};
use crate::erasure::tables_with;
use crate::scheduled::ahead;
use crate::support::{App, Person, eventually};

const CANARY: &str = "canary-of-hers";

async fn erase(app: &App, service: &Person) {
    assert_eq!(service.delete("/v1/users/alice").await.status, 204);
    let unfinished = "select count(*) from erasures where finished_at is null";
    eventually("the erasure's end", async || {
        (app.database.number(unfinished).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_is_reminded_of_what_was_an_erased_persons() {
    let app = App::start().await;
    let (service, _, bob) = people(&app).await;
    let mut hers = to(&["alice"], &ahead(3600));
    hers["notification"]["title"] = json!(CANARY);
    let alone = remind(&service, &hers).await;
    let both = remind(&service, &to(&["alice", "bob"], &ahead(3600))).await;
    assert_eq!(tables_with(&app, CANARY).await, ["reminders"]);
    erase(&app, &service).await;

    let left = service.get(&alone).await.ok();
    assert_eq!(
        (&left["state"], &left["notification"], &left["userIds"]),
        (&json!("CANCELLED"), &Value::Null, &json!([]))
    );
    assert_eq!(
        jobs(&app, "state = 'CANCELLED' and payload = '{}'").await,
        1
    );
    assert!(tables_with(&app, CANARY).await.is_empty());
    let left = service.get(&both).await.ok();
    assert_eq!(
        (&left["state"], &left["userIds"]),
        (&json!("WAITING"), &json!(["bob"]))
    );
    let unknown = service.post("/v1/reminders", &hers).await;
    assert_eq!(unknown.code(), "user-unknown");

    // Somebody else by the same id; and a row of before that came too late to be forgotten.
    service.put("/v1/users/alice", &json!({})).await.ok();
    let id = both.rsplit('/').next().expect("an id");
    let late = format!(
        "insert into reminder_people (tenant_id, reminder_id, user_id, ordinal) values ('default', '{id}', 'alice', 9)"
    );
    app.database.execute(&late).await;
    assert_eq!(service.get(&both).await.ok()["userIds"], json!(["bob"]));
    let anew = remind(&service, &to(&["alice"], &ahead(3600))).await;
    let_time_pass(&app).await;
    for path in [&both, &anew] {
        is(&service, path, "FIRED").await;
    }
    assert_eq!(told(&bob).await.len(), 1);
    let told_anew = "select count(*) from notifications where user_id = 'alice'";
    assert_eq!(app.database.number(told_anew).await, 1, "her own alone");
}

#[tokio::test]
async fn at_the_moment_of_the_erasure_they_are_skipped() {
    let app = App::start().await;
    let (service, _, bob) = people(&app).await;
    let both = remind(&service, &to(&["alice", "bob"], &ahead(3600))).await;
    let alone = remind(&service, &to(&["alice"], &ahead(3600))).await;
    // Hidden, and nothing of it forgotten yet.
    app.database
        .execute("update users set is_erased = true, erased_at = now() where id = 'alice'")
        .await;
    assert_eq!(service.get(&both).await.ok()["userIds"], json!(["bob"]));
    let_time_pass(&app).await;
    for path in [&both, &alone] {
        is(&service, path, "FIRED").await;
    }
    assert_eq!(told(&bob).await.len(), 1);
    let of_alice = "select count(*) from notifications where user_id = 'alice'";
    assert_eq!(app.database.number(of_alice).await, 0);
}
