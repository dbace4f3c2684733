//! What may be asked for, by whom, and what is given back.

use reqwest::Method;
use serde_json::{Value, json};

use super::{PAST, let_time_pass, people, remind, to, told, with};
use crate::instances::at_once;
use crate::refusals::assert_problem;
use crate::scheduled::{ahead, id};
use crate::support::{Answer, App, Person};

#[tokio::test]
async fn its_fields_are_these_in_this_order() {
    let app = App::start().await;
    let (service, ..) = people(&app).await;
    let (at, end) = (ahead(3600), ahead(7200));
    let mut body = with(to(&["bob", "alice"], &at), "expiresAt", json!(end));
    body["channels"] = json!(["inApp"]);
    let answer = service.post("/v1/reminders", &body).await;
    let reminder = answer.body.clone();
    let expected = json!({ "id": reminder["id"], "userIds": ["bob", "alice"], "at": at, "expiresAt": end,
        "notification": body["notification"], "channels": ["inApp"], "state": "WAITING",
        "createdAt": reminder["createdAt"], "finishedAt": null });
    assert_eq!(reminder, expected);
    let names = [
        "id",
        "userIds",
        "at",
        "expiresAt",
        "notification",
        "type",
        "title",
        "message",
        "link",
        "channels",
        "state",
        "createdAt",
        "finishedAt",
    ];
    let places: Vec<_> = names
        .iter()
        .map(|name| answer.text.find(&format!("\"{name}\":")).expect(name))
        .collect();
    assert!(places.is_sorted(), "{}", answer.text);
    let path = format!("/v1/reminders/{}", id(&reminder));
    assert_eq!(service.get(&path).await.ok(), reminder);
    let list = service.get("/v1/reminders").await.ok();
    assert_eq!(list, json!({ "items": [reminder], "hasMore": false }));
    // What is left out.
    let plain =
        json!({ "userIds": ["bob"], "at": at, "notification": { "type": "T", "title": "t" } });
    let plain = service.post("/v1/reminders", &plain).await.ok();
    let notification = json!({ "type": "T", "title": "t", "message": null, "link": null });
    assert_eq!(
        (
            &plain["notification"],
            &plain["channels"],
            &plain["expiresAt"]
        ),
        (&notification, &json!(["inApp"]), &Value::Null)
    );
}

/// What is not acceptable of a body: the field and its value, and where and why it is refused.
type Wrong = (&'static str, Value, &'static str, &'static str);

fn wrong(at: &str) -> Vec<Wrong> {
    let many: Vec<_> = (0..1001).map(|n| format!("u{n}")).collect();
    let year = json!(ahead(368 * 86_400));
    let twice = json!(["email", "email"]);
    vec![
        ("userIds", json!([]), "/userIds", "too-few"),
        ("userIds", json!(many), "/userIds", "too-many"),
        ("userIds", json!(["a", ""]), "/userIds/1", "blank"),
        ("userIds", json!("alice"), "/userIds", "wrong-type"),
        ("at", Value::Null, "/at", "wrong-type"),
        ("at", json!("tomorrow"), "/at", "wrong-type"),
        ("at", year, "/at", "out-of-range"),
        ("expiresAt", json!(at), "/expiresAt", "out-of-range"),
        ("expiresAt", json!(PAST), "/expiresAt", "out-of-range"),
        ("channels", json!([]), "/channels", "too-few"),
        ("channels", json!(["sms"]), "/channels/0", "invalid-value"),
        ("channels", twice, "/channels", "invalid-value"),
        ("notification", Value::Null, "/notification", "wrong-type"),
        ("notification", json!(["T"]), "/notification", "wrong-type"),
        ("deliverAt", json!(PAST), "/deliverAt", "unknown-field"),
    ]
}

/// The same of what is inside of `notification`.
fn wrong_words() -> Vec<Wrong> {
    let what =
        |name: &str, value: Value| with(to(&["alice"], PAST)["notification"].clone(), name, value);
    let script = json!("javascript:alert(1)");
    let words = [
        ("more", json!(1), "/notification/more", "unknown-field"),
        ("link", script, "/notification/link", "invalid-url"),
        ("title", json!("a\u{202e}b"), TITLE, "bidi-control"),
        ("title", json!("a\nb"), TITLE, "line-break"),
        ("title", json!("t".repeat(201)), TITLE, "too-long"),
        ("message", json!("m".repeat(2001)), MESSAGE, "too-long"),
        ("type", json!(""), "/notification/type", "blank"),
    ];
    words
        .into_iter()
        .map(|(name, value, at, why)| ("notification", what(name, value), at, why))
        .collect()
}
const TITLE: &str = "/notification/title";
const MESSAGE: &str = "/notification/message";

#[tokio::test]
async fn what_is_not_acceptable_is_refused_by_name_and_nothing_is_kept() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let at = ahead(3600);
    let body = to(&["alice"], &at);
    for (name, value, pointer, code) in wrong(&at).into_iter().chain(wrong_words()) {
        let answer = service
            .post("/v1/reminders", &with(body.clone(), name, value.clone()))
            .await;
        let what = format!("{name}: {value}");
        assert_problem(&answer, &what, 422, "invalid-body", Some(pointer));
        let named = &answer.body["errors"][0]["code"];
        assert_eq!(named, code, "{what}");
    }
    for missing in ["userIds", "at", "notification"] {
        let mut body = body.clone();
        body.as_object_mut().expect("an object").remove(missing);
        let answer = service.post("/v1/reminders", &body).await;
        let pointer = format!("/{missing}");
        assert_problem(&answer, missing, 422, "invalid-body", Some(&pointer));
    }
    // A place in the list as it was given, whoever is named twice.
    let strangers = to(&["alice", "alice", "bob", "nobody"], PAST);
    let answer = service.post("/v1/reminders", &strangers).await;
    assert_problem(
        &answer,
        "strangers",
        422,
        "user-unknown",
        Some("/userIds/3"),
    );
    assert_eq!(answer.body["errors"].as_array().map(Vec::len), Some(1));
    let by_mail = with(body.clone(), "channels", json!(["inApp", "email"]));
    let answer = service.post("/v1/reminders", &by_mail).await;
    assert_eq!((answer.status, answer.code()), (409, "email-off"));
    let answer = alice.post("/v1/reminders", &body).await;
    assert_eq!((answer.status, answer.code()), (403, "service-only"));
    let kept = "select (select count(*) from reminders) + (select count(*) from jobs)";
    assert_eq!(app.database.number(kept).await, 0);
}

#[tokio::test]
async fn people_nobody_knows_are_made_where_the_site_says_so() {
    let app = App::with(1, "unknown_users=\"create\"").await;
    let (service, alice, _) = people(&app).await;
    let path = remind(&service, &to(&["newcomer", "alice"], &ahead(3600))).await;
    let users = service.get(&path).await.ok()["userIds"].clone();
    assert_eq!(users, json!(["newcomer", "alice"]));
    let_time_pass(&app).await;
    super::is(&service, &path, "FIRED").await;
    for person in [&alice, &app.person("newcomer")] {
        assert_eq!(told(person).await.len(), 1);
    }
}

async fn keyed(service: Person, key: &str, body: Value) -> Answer {
    let request = service.request(Method::POST, "/v1/reminders");
    let request = request.header("Idempotency-Key", key).json(&body);
    service.send(request).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("Idempotency-Replayed") == Some("true")
}

#[tokio::test]
async fn repeated_with_its_key_a_request_makes_one() {
    let app = App::with(2, "").await;
    let (service, alice, _) = people(&app).await;
    let body = to(&["alice"], &ahead(2));
    let bases: Vec<_> = app.instances.iter().map(|one| one.url.clone()).collect();
    let twins = at_once(12, |i| {
        let (service, body) = (service.at(&bases[i % 2]), body.clone());
        async move { keyed(service, "k", body).await }
    })
    .await;
    let first = twins[0].body["id"].clone();
    for twin in &twins {
        assert_eq!(
            (twin.status, &twin.body["id"]),
            (201, &first),
            "{}",
            twin.text
        );
    }
    assert_eq!(twins.iter().filter(|twin| is_replay(twin)).count(), 11);
    let other = with(body.clone(), "channels", json!(["inApp"]));
    let same = keyed(service.clone(), "k", other).await;
    assert!(
        is_replay(&same),
        "what is left out is the same: {}",
        same.text
    );
    let other = keyed(service.clone(), "k", to(&["bob"], &ahead(2))).await;
    assert_eq!((other.status, other.code()), (409, "idempotency-mismatch"));
    // A key that nothing came of is free.
    let refused = keyed(service.clone(), "free", to(&["nobody"], PAST)).await;
    assert_eq!(refused.status, 422);
    let path = format!("/v1/reminders/{}", first.as_str().expect("an id"));
    super::is(&service, &path, "FIRED").await;
    assert_eq!(told(&alice).await.len(), 1);
    let again = keyed(service.clone(), "k", body).await;
    assert!(is_replay(&again));
    assert_eq!(again.body["state"], "FIRED");
    let anew = keyed(service, "free", to(&["alice"], PAST)).await;
    assert_eq!((anew.status, is_replay(&anew)), (201, false));
    let kept = "select count(*) from reminders";
    assert_eq!(app.database.number(kept).await, 2);
}

#[tokio::test]
async fn another_tenant_has_reminders_and_keys_of_its_own() {
    let app = App::start().await;
    let (service, ..) = people(&app).await;
    let of_other = |id: &str| {
        Person::with(&app.instances[0].url, id, |claims| {
            claims.tenant = Some("other".to_owned());
            claims.role = (id == "backend").then(|| "service".to_owned());
        })
    };
    let (other, alice) = (of_other("backend"), of_other("alice"));
    alice.get("/v1/me").await.ok();
    let body = to(&["alice"], &ahead(3600));
    let ours = keyed(service.clone(), "k", body.clone()).await.ok();
    let path = format!("/v1/reminders/{}", id(&ours));
    for answer in [other.get(&path).await, other.delete(&path).await] {
        assert_eq!((answer.status, answer.code()), (404, "not-found"));
    }
    let list = other.get("/v1/reminders").await.ok();
    assert_eq!(list["items"], json!([]));
    let theirs = keyed(other.clone(), "k", body).await;
    assert!(!is_replay(&theirs));
    assert_ne!(theirs.ok()["id"], ours["id"]);
    assert_eq!(service.get(&path).await.ok()["state"], "WAITING");
    for nothing in ["x", "0198c0de-0000-7000-8000-000000000000"] {
        let answer = service.get(&format!("/v1/reminders/{nothing}")).await;
        assert_eq!((answer.status, answer.code()), (404, "not-found"));
    }
}
