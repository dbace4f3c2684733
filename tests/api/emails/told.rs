//! The e-mail that goes with a notification: where the person wants it, and not in their quiet hours.

use chrono::{Duration, Timelike, Utc};
use serde_json::{Value, json};

use super::server::Smtp;
use super::site;
use crate::support::{App, Person, eventually};

fn told(title: &str, channels: &Value) -> Value {
    json!({ "userId": "alice", "type": "NEWS", "title": title, "message": "At ten", "link": "https://site.example/12",
            "channels": channels })
}

/// Somebody whose address is known.
async fn alice(app: &App) -> Person {
    let alice = Person::with(&app.instances[0].url, "alice", |claims| {
        let address = json!("alice@mail.example");
        claims.more.insert("email".to_owned(), address);
    });
    alice.get("/v1/me").await.ok();
    alice
}

/// How many of the e-mails' jobs are in this state.
async fn jobs(app: &App, state: &str) -> i64 {
    let text = format!("select count(*) from jobs where kind = 'EMAIL' and state = '{state}'");
    app.database.number(&text).await
}

async fn are(app: &App, count: i64, state: &str) {
    eventually(state, async || {
        (jobs(app, state).await == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_goes_by_the_ways_that_the_host_says_once_and_as_the_person_reads() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = alice(&app).await;
    alice
        .patch("/v1/me/preferences", &json!({ "language": "en" }))
        .await
        .ok();
    let both = told("Both ways", &json!(["inApp", "email"]));
    for _ in 0..3 {
        let request = service.request(reqwest::Method::POST, "/v1/notifications");
        let request = request.header("Idempotency-Key", "k").json(&both);
        service.send(request).await.ok();
    }
    let sent = &smtp.has(1).await[0];
    let text = sent.to_string();
    for part in [
        "Both ways",
        "At ten",
        "https://site.example/12",
        "List-Unsubscribe",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.contains("Stop receiving e-mails"), "{text}");
    service
        .post(
            "/v1/notifications",
            &told("By e-mail alone", &json!(["email"])),
        )
        .await
        .ok();
    service
        .post(
            "/v1/notifications",
            &told("On pages alone", &json!(["inApp"])),
        )
        .await
        .ok();
    let soon = Utc::now() + Duration::seconds(2);
    let mut later = told("Later", &json!(["email", "inApp"]));
    later["deliverAt"] = json!(soon.to_rfc3339());
    service.post("/v1/notifications", &later).await.ok();
    assert_eq!(smtp.has(3).await.len(), 3);
    are(&app, 3, "DONE").await;
    let list = alice.get("/v1/notifications").await.ok();
    let items = list["items"].as_array().expect("items").iter();
    let titles: Vec<_> = items.map(|item| item["title"].as_str()).collect();
    assert_eq!(titles, ["Later", "On pages alone", "Both ways"].map(Some));
}

#[tokio::test]
async fn what_the_person_does_not_want_is_not_sent() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = alice(&app).await;
    let by_mail = json!(["email"]);
    let choose = async |wishes: Value| {
        alice.patch("/v1/me/preferences", &wishes).await.ok();
    };
    choose(json!({ "types": [{ "type": "NEWS", "email": false }] })).await;
    service
        .post("/v1/notifications", &told("1", &by_mail))
        .await
        .ok();
    are(&app, 1, "CANCELLED").await;
    choose(json!({ "types": [], "channels": { "email": false } })).await;
    service
        .post("/v1/notifications", &told("2", &by_mail))
        .await
        .ok();
    are(&app, 2, "CANCELLED").await;
    choose(json!({ "channels": { "email": true } })).await;
    service
        .post("/v1/notifications", &told("3", &by_mail))
        .await
        .ok();
    let sent = smtp.has(1).await;
    assert!(sent[0].to_string().contains("3"));
}

#[tokio::test]
async fn in_quiet_hours_it_waits_for_their_end() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = alice(&app).await;
    // From an hour ago to two hours from now, wherever the day ends meanwhile.
    let now = Utc::now();
    let end = now + Duration::hours(2);
    let clock = |time: chrono::DateTime<Utc>| time.format("%H:%M").to_string();
    let quiet = json!({ "timeZone": "Etc/UTC",
        "quietHours": { "from": clock(now - Duration::hours(1)), "to": clock(end) } });
    alice.patch("/v1/me/preferences", &quiet).await.ok();
    let both = told("Quiet", &json!(["inApp", "email"]));
    service.post("/v1/notifications", &both).await.ok();
    // On the pages it is at once.
    let list = alice.get("/v1/notifications").await.ok();
    assert_eq!(list["unreadCount"], 1);
    let put_off = "select count(*) from jobs where kind = 'EMAIL' and state = 'WAITING' and attempts = 0 and run_at > now() + '1 hour'";
    eventually("the e-mail is put off", async || {
        (app.database.number(put_off).await == 1).then_some(())
    })
    .await;
    let minute = end.with_second(0).and_then(|end| end.with_nanosecond(0));
    let at = "select extract(epoch from run_at)::bigint from jobs where kind = 'EMAIL'";
    let at = app.database.number(at).await;
    assert_eq!(Some(at), minute.map(|minute| minute.timestamp()));
    // What the host sends for itself is not put off: a password cannot wait.
    let own = json!({ "userId": "alice", "subject": "Your password", "text": "Here" });
    service.post("/v1/emails", &own).await.ok();
    assert!(smtp.has(1).await[0].to_string().contains("Your password"));
    alice
        .patch("/v1/me/preferences", &json!({ "quietHours": null }))
        .await
        .ok();
    let morning = "update jobs set run_at = now() where state = 'WAITING'";
    app.database.execute(morning).await;
    assert!(smtp.has(2).await[1].to_string().contains("Quiet"));
}

#[tokio::test]
async fn what_is_taken_back_before_its_email_is_sent_is_not_sent() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    alice(&app).await;
    smtp.is_to("450");
    let both = told("Taken back", &json!(["inApp", "email"]));
    let made = service.post("/v1/notifications", &both).await.ok();
    eventually("an attempt that failed", async || {
        let waits = "select count(*) from jobs where kind = 'EMAIL' and state = 'WAITING' and error is not null";
        (app.database.number(waits).await == 1).then_some(())
    })
    .await;
    let id = made["items"][0]["id"].as_str().expect("an id");
    let path = format!("/v1/notifications/{id}");
    assert_eq!(service.delete(&path).await.status, 204);
    let left = "select count(*) from jobs where kind = 'EMAIL' and (state <> 'CANCELLED' or payload <> '{}')";
    assert_eq!(app.database.number(left).await, 0);
    smtp.is_to("accept");
    service
        .post("/v1/notifications", &told("The next", &json!(["email"])))
        .await
        .ok();
    assert!(smtp.has(1).await[0].to_string().contains("The next"));
}

#[tokio::test]
async fn without_a_server_nobody_is_told_by_email() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    alice(&app).await;
    let answer = service
        .post("/v1/notifications", &told("x", &json!(["inApp", "email"])))
        .await;
    assert_eq!((answer.status, answer.code()), (409, "email-off"));
    for channels in [json!([]), json!(["email", "email"]), json!(["sms"])] {
        let answer = service
            .post("/v1/notifications", &told("x", &channels))
            .await;
        assert_eq!(answer.status, 422, "{channels}");
        let pointer = answer.body["errors"][0]["pointer"].as_str();
        assert!(
            pointer.is_some_and(|it| it.starts_with("/channels")),
            "{}",
            answer.text
        );
    }
}
