//! The e-mail that goes with a reminder: one for each person, and none once the reminder has expired.

use chrono::{Duration, Utc};
use serde_json::json;

use super::{PAST, is, remind, to, with};
use crate::emails::server::Smtp;
use crate::emails::site;
use crate::scheduled::ahead;
use crate::support::{App, Person, eventually};

async fn alice(app: &App) -> Person {
    let alice = Person::with(&app.instances[0].url, "alice", |claims| {
        let address = json!("alice@mail.example");
        claims.more.insert("email".to_owned(), address);
    });
    alice.get("/v1/me").await.ok();
    alice
}

async fn are(app: &App, count: i64, condition: &str) {
    let text = format!("select count(*) from jobs where kind = 'EMAIL' and {condition}");
    eventually(condition, async || {
        (app.database.number(&text).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_goes_once_however_often_the_reminder_is_begun() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    alice(&app).await;
    let mut body = with(to(&["alice"], PAST), "channels", json!(["email", "inApp"]));
    body["expiresAt"] = json!(ahead(3600));
    body["notification"]["link"] = json!("https://site.example/12");
    let path = remind(&service, &body).await;
    is(&service, &path, "FIRED").await;
    are(&app, 1, "state = 'DONE'").await;
    let id = path.rsplit('/').next().expect("an id");
    let again = format!(
        "update jobs set state = 'WAITING', finished_at = null, payload = '{{\"reminderId\":\"{id}\"}}' where kind = 'REMINDER'"
    );
    app.database.execute(&again).await;
    let done =
        "select count(*) from jobs where kind = 'REMINDER' and attempts = 2 and state = 'DONE'";
    eventually("it is done again", async || {
        (app.database.number(done).await == 1).then_some(())
    })
    .await;
    let sent = smtp.has(1).await;
    assert_eq!(sent.len(), 1);
    for part in ["Demain", "At ten", "https://site.example/12"] {
        assert!(sent[0].to_string().contains(part), "{part}: {}", sent[0]);
    }
    are(&app, 1, "true").await;
}

#[tokio::test]
async fn one_that_was_put_off_is_not_sent_when_it_has_expired() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = alice(&app).await;
    let now = Utc::now();
    let clock = |hours: i64| (now + Duration::hours(hours)).format("%H:%M").to_string();
    let quiet =
        json!({ "timeZone": "Etc/UTC", "quietHours": { "from": clock(-1), "to": clock(2) } });
    alice.patch("/v1/me/preferences", &quiet).await.ok();
    for title in ["Over", "In time"] {
        let mut body = with(to(&["alice"], PAST), "channels", json!(["email"]));
        body["expiresAt"] = json!(ahead(3600));
        body["notification"]["title"] = json!(title);
        let path = remind(&service, &body).await;
        is(&service, &path, "FIRED").await;
    }
    are(&app, 2, "state = 'WAITING' and run_at > now() + '1 hour'").await;
    let over = "update jobs set payload = jsonb_set(payload, '{expiresAt}', '\"2026-01-01T00:00:00.000Z\"') where payload::text like '%Over%'";
    app.database.execute(over).await;
    alice
        .patch("/v1/me/preferences", &json!({ "quietHours": null }))
        .await
        .ok();
    let morning = "update jobs set run_at = now() where state = 'WAITING'";
    app.database.execute(morning).await;
    are(&app, 1, "state = 'DONE'").await;
    are(&app, 1, "state = 'CANCELLED' and error = 'it has expired'").await;
    let sent = smtp.has(1).await;
    assert_eq!(sent.len(), 1);
    assert!(sent[0].to_string().contains("In time"), "{}", sent[0]);
}
