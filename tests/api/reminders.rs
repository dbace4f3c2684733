//! Reminders: each of their people is told once, at the time, whatever stops and starts meanwhile; or nobody is.

#[path = "reminders/asked.rs"]
mod asked;
#[path = "reminders/cancelled.rs"]
mod cancelled;
#[path = "reminders/gone.rs"]
mod gone;
#[path = "reminders/listed.rs"]
mod listed;
#[path = "reminders/mailed.rs"]
mod mailed;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::scheduled::{ahead, id};
use crate::support::{App, Person, eventually};

const PAST: &str = "2020-01-01T00:00:00.000Z";

fn to(users: &[&str], at: &str) -> Value {
    let what = json!({ "type": "APPOINTMENT_SOON", "title": "Demain", "message": "At ten", "link": "/appointments/12" });
    json!({ "userIds": users, "at": at, "notification": what })
}

fn with(mut body: Value, name: &str, value: Value) -> Value {
    body[name] = value;
    body
}

/// Has it accepted; gives its path.
async fn remind(service: &Person, body: &Value) -> String {
    let answer = service.post("/v1/reminders", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let path = answer.header("Location").expect("a place").to_owned();
    assert_eq!(path, format!("/v1/reminders/{}", id(&answer.body)));
    path
}

/// Waits until it has come to this.
async fn is(service: &Person, path: &str, state: &str) -> Value {
    eventually(state, async || {
        let reminder = service.get(path).await.ok();
        (reminder["state"] == state).then_some(reminder)
    })
    .await
}

async fn told(person: &Person) -> Vec<Value> {
    let list = person.get("/v1/notifications?limit=100").await.ok();
    list["items"].as_array().expect("items").clone()
}

async fn people(app: &App) -> (Person, Person, Person) {
    let service = Person::service(&app.instances[0].url);
    let [alice, bob] = ["alice", "bob"].map(|id| app.person(id));
    for person in [&alice, &bob] {
        person.get("/v1/me").await.ok();
    }
    (service, alice, bob)
}

/// Every reminder that waits is due now.
async fn let_time_pass(app: &App) {
    for sql in [
        "update reminders set at = now() where state = 'WAITING'",
        "update jobs set run_at = now() where kind = 'REMINDER' and state = 'WAITING'",
    ] {
        app.database.execute(sql).await;
    }
}

async fn jobs(app: &App, condition: &str) -> i64 {
    let sql = format!("select count(*) from jobs where kind = 'REMINDER' and {condition}");
    app.database.number(&sql).await
}

#[tokio::test]
async fn each_of_its_people_is_told_once_at_its_time_whichever_instance_does_it() {
    let app = App::with(2, "").await;
    let (service, alice, bob) = people(&app).await;
    let since = [alice.cursor().await, bob.cursor().await];
    let at = ahead(2);
    let path = remind(&service, &to(&["alice", "bob", "alice"], &at)).await;
    let waits = service.get(&path).await.ok();
    assert_eq!(
        (&waits["state"], &waits["userIds"], &waits["at"]),
        (&json!("WAITING"), &json!(["alice", "bob"]), &json!(at))
    );
    assert!(told(&alice).await.is_empty(), "not yet");
    let fired = is(&service, &path, "FIRED").await;
    assert!(fired["finishedAt"].as_str() >= Some(&at), "{fired}");
    let far = bob.at(&app.instances[1].url);
    caught_up(&far, &alice).await;
    for (person, since) in [&alice, &far].into_iter().zip(&since) {
        let list = told(person).await;
        assert_eq!(list.len(), 1, "{list:?}");
        let one = &list[0];
        assert_eq!(
            (&one["type"], &one["title"], &one["message"], &one["link"]),
            (
                &json!("APPOINTMENT_SOON"),
                &json!("Demain"),
                &json!("At ten"),
                &json!("/appointments/12")
            )
        );
        let events = person.all_events(since, 100).await.0;
        let events: Vec<_> = events
            .iter()
            .filter(|event| event["type"] == "notification.created")
            .collect();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0]["data"]["notification"], *one);
    }
    assert_eq!(jobs(&app, "state = 'DONE'").await, 1);
    let late = "select (extract(epoch from finished_at - at) * 1000)::bigint from reminders";
    println!("{} ms after its time", app.database.number(late).await);
}

#[tokio::test]
async fn what_is_past_fires_at_once_unless_it_has_expired() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let ancient = "1960-01-01T00:00:00.000Z";
    let late = with(to(&["alice"], PAST), "expiresAt", json!(ahead(3600)));
    let over = with(to(&["alice"], ancient), "expiresAt", json!(PAST));
    for (body, state) in [
        (to(&["alice"], ancient), "FIRED"),
        (late, "FIRED"),
        (over, "EXPIRED"),
    ] {
        let path = remind(&service, &body).await;
        is(&service, &path, state).await;
    }
    assert_eq!(told(&alice).await.len(), 2);
    let error = "error = 'it has expired' and state = 'CANCELLED'";
    assert_eq!(jobs(&app, error).await, 1);
    // The oldest first, from before what computers count from, a page each.
    let page = service.get("/v1/reminders?state=FIRED&limit=1").await.ok();
    assert_eq!(page["items"][0]["at"], ancient);
    let token = page["nextPageToken"].as_str().expect("one more");
    let next = format!("/v1/reminders?state=FIRED&limit=1&pageToken={token}");
    let next = service.get(&next).await.ok();
    assert_eq!(next["items"][0]["at"], PAST);
    assert_eq!(next["hasMore"], false);
}

#[tokio::test]
async fn what_was_due_while_everything_was_down_fires_at_the_start_or_has_expired() {
    // Nobody who would do it is there, and then nobody at all.
    let mut app = App::with(1, "jobs={at_once=0}").await;
    let (service, ..) = people(&app).await;
    let at = ahead(2);
    let mut paths = Vec::new();
    for end in [Value::Null, json!(ahead(3600)), json!(ahead(3))] {
        let body = with(to(&["alice"], &at), "expiresAt", end);
        paths.push(remind(&service, &body).await);
    }
    app.instances[0].signal(Signal::SIGKILL);
    app.instances[0].exit_code().await;
    let is_over = "select count(*) from reminders where expires_at < now() and state = 'WAITING'";
    eventually("the last to expire", async || {
        (app.database.number(is_over).await == 1).then_some(())
    })
    .await;
    let base = app.add("", &[]).await.url.clone();
    let service = service.at(&base);
    for (path, state) in paths.iter().zip(["FIRED", "FIRED", "EXPIRED"]) {
        is(&service, path, state).await;
    }
    assert_eq!(told(&Person::new(&base, "alice")).await.len(), 2);
}

#[tokio::test]
async fn begun_twice_it_fires_once() {
    let app = App::with(2, "").await;
    let (service, alice, bob) = people(&app).await;
    let path = remind(&service, &to(&["alice", "bob"], PAST)).await;
    is(&service, &path, "FIRED").await;
    eventually("its end to be noted", async || {
        (jobs(&app, "state = 'DONE'").await == 1).then_some(())
    })
    .await;
    for times in 2..4 {
        // As if whoever did it had been killed before it could say so.
        let id = path.rsplit('/').next().expect("an id");
        let again = format!(
            "update jobs set state = 'WAITING', finished_at = null, payload = '{{\"reminderId\":\"{id}\"}}' where kind = 'REMINDER'"
        );
        app.database.execute(&again).await;
        let done = format!("state = 'DONE' and attempts = {times}");
        eventually("it is done again", async || {
            (jobs(&app, &done).await == 1).then_some(())
        })
        .await;
    }
    for person in [&alice, &bob] {
        assert_eq!(told(person).await.len(), 1);
    }
}

#[tokio::test]
async fn what_people_want_when_its_time_comes_is_what_counts() {
    let app = App::start().await;
    let (service, alice, bob) = people(&app).await;
    let path = remind(&service, &to(&["alice", "bob"], &ahead(3600))).await;
    let unwanted = json!({ "types": [{ "type": "APPOINTMENT_SOON", "inApp": false }] });
    alice.patch("/v1/me/preferences", &unwanted).await.ok();
    let_time_pass(&app).await;
    is(&service, &path, "FIRED").await;
    assert_eq!(told(&bob).await.len(), 1);
    assert!(told(&alice).await.is_empty());
}
