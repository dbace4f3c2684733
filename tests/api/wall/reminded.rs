//! People are reminded; or not, because the host has thought better of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::everything::id;
use crate::scheduled::ahead;
use crate::support::{Person, eventually};

fn of(users: &[&str], at: &str) -> Value {
    let what = json!({ "type": "T", "title": "t", "message": "m", "link": "/l" });
    json!({ "userIds": users, "at": at, "notification": what })
}

/// With a key and again; at once and later; cancelled by itself, and with its job.
pub async fn people_are_reminded(host: &Person) {
    let now = of(&["alice", "bob"], "2020-01-01T00:00:00Z");
    let mut fired = String::new();
    for _ in 0..2 {
        let request = host.request(Method::POST, "/v1/reminders");
        let request = request.header("Idempotency-Key", "r-1").json(&now);
        fired = format!("/v1/reminders/{}", id(&host.send(request).await.ok()));
    }
    eventually("it fires", async || {
        let reminder = host.get(&fired).await.ok();
        (reminder["state"] == "FIRED").then_some(())
    })
    .await;
    let later = of(&["bob", "alice"], &ahead(3600));
    let mut paths = Vec::new();
    for _ in 0..3 {
        let reminder = host.post("/v1/reminders", &later).await.ok();
        paths.push(format!("/v1/reminders/{}", id(&reminder)));
    }
    for path in [&paths[0], &paths[0], &fired] {
        host.delete(path).await;
    }
    let jobs = host.get("/v1/admin/jobs?kind=REMINDER&state=WAITING").await;
    let job = id(&jobs.ok()["items"][0]);
    let cancel = format!("/v1/admin/jobs/{job}/cancel");
    host.post(&cancel, &json!({})).await.ok();
    for query in ["", "?state=WAITING", "?limit=1"] {
        host.get(&format!("/v1/reminders{query}")).await.ok();
    }
}

/// Alone, and with somebody who stays.
pub async fn she_is_to_be_reminded(host: &Person) {
    for users in [&["eve"][..], &["eve", "bob"]] {
        let body = of(users, &ahead(3600));
        host.post("/v1/reminders", &body).await.ok();
    }
}

/// What waits for her alone stands as before it was forgotten; so does what waits for bob, and his are hers too.
pub const IN_THE_MIDDLE: [&str; 4] = [
    "update reminders set state = 'WAITING', title = 't', finished_at = null where state <> 'EXPIRED'",
    "insert into reminder_people select r.tenant_id, r.id, 'eve', 9 from reminders r
      where not exists (select from reminder_people p where p.tenant_id = r.tenant_id and p.reminder_id = r.id)",
    "insert into reminder_people select tenant_id, reminder_id, 'eve', 9 from reminder_people where user_id = 'bob' on conflict do nothing",
    "update jobs set state = 'WAITING', payload = '{\"a\":1}', finished_at = null, run_at = now() - interval '1 hour' where kind = 'REMINDER'",
];
