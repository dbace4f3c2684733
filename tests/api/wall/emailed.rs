//! Somebody is sent an e-mail, and turns them off; and somebody who is never there is told of what waits.

use causerie::mail::Seal;
use causerie::model::UserKey;
use serde_json::json;

use super::TENANT;
use super::everything::id;
use super::looking::counted;
use crate::support::{App, Person};

pub async fn people_are_emailed(app: &App, host: &Person, alice: &Person) {
    let address = json!({ "email": "alice@mail.example" });
    host.put("/v1/users/alice", &address).await.ok();
    let email = json!({ "userId": "alice", "subject": "s", "text": "t" });
    for _ in 0..2 {
        let request = host.request(reqwest::Method::POST, "/v1/emails");
        let request = request.header("Idempotency-Key", "e-1").json(&email);
        let sent = host.send(request).await.ok();
        let place = format!("/v1/emails/{}", id(&sent));
        host.get(&place).await.ok();
    }
    // By the job, whose e-mail goes nowhere.
    counted(app, "emails.draw_secret").await;
    let mut connection = app.database.connect().await;
    let secret: Vec<u8> = sqlx::query_scalar("select value from secrets")
        .fetch_one(&mut connection)
        .await
        .expect("it is drawn");
    let seal = Seal::of(&secret).expect("keys");
    let token = seal
        .token(&UserKey::new(TENANT, "alice"), 0)
        .expect("a token");
    let path = format!("/v1/unsubscribe?token={token}");
    assert_eq!(host.get(&path).await.status, 200);
    assert_eq!(host.post(&path, &json!({})).await.status, 200);
    let told =
        json!({ "userId": "bob", "type": "T", "title": "t", "channels": ["inApp", "email"] });
    let told = host.post("/v1/notifications", &told).await.ok();
    let told = format!("/v1/notifications/{}", id(&told["items"][0]));
    assert_eq!(host.delete(&told).await.status, 204);
    let on = json!({ "emailOff": false });
    alice.patch("/v1/me", &on).await.ok();
}

/// By the sweep of the log, a second later, and in vain: there is no server.
pub async fn somebody_is_told_what_is_unread(app: &App, host: &Person, alice: &Person) {
    let address = json!({ "name": "Frank", "email": "frank@mail.example" });
    host.put("/v1/users/frank", &address).await.ok();
    let pair = alice.converse_with("frank").await;
    alice.say(&pair, "Are you ever here?").await.ok();
    for kind in [
        "digest_sweep.put",
        "digests.note",
        "digests.is_unread_still",
        "digests.prune",
    ] {
        counted(app, kind).await;
    }
    let told = format!(
        "/v1/users/frank/export?pageToken=digest:{}",
        uuid::Uuid::nil()
    );
    let page = host.get(&told).await.ok();
    assert_eq!(page["items"][0]["data"]["times"], 1, "{page}");
}
