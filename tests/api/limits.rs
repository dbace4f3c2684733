//! How much one user and one instance may ask for: what is above it is refused, says truly when to come back, and leaves
//! no trace.

mod addresses;

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::listener::Listener;
use crate::logs::{id_of, line_of};
use crate::refusals::assert_problem;
use crate::support::{Answer, App, Instance, PATIENCE, Person, eventually};

/// Asks again and again until it is refused, as it must be before long.
pub async fn until_refused(mut ask: impl AsyncFnMut() -> Answer) -> Answer {
    for _ in 0..1000 {
        let answer = ask().await;
        if [429, 503].contains(&answer.status) {
            return answer;
        }
    }
    panic!("never refused");
}

/// A problem that says, in both ways, when to come back: within `most`.
#[track_caller]
pub fn wait_of(refused: &Answer, status: u16, code: &str, most: Duration) -> Duration {
    assert_problem(refused, code, status, code, None);
    let seconds: u64 = refused
        .header("Retry-After")
        .and_then(|it| it.parse().ok())
        .expect("whole seconds");
    let ms = refused.body["retryAfterMs"].as_u64().expect("milliseconds");
    assert_eq!(seconds, ms.div_ceil(1000), "{}", refused.text);
    let wait = Duration::from_millis(ms);
    assert!(
        !wait.is_zero() && wait <= most,
        "{wait:?}: {}",
        refused.text
    );
    wait
}

/// What `/metrics` says of one limit; none when it says nothing.
async fn refused(instance: &Instance, limit: &str) -> Option<f64> {
    let text = reqwest::get(format!("{}/metrics", instance.url)).await;
    let text = text.expect("metrics").text().await.expect("text");
    let name = format!("causerie_refused_total{{limit=\"{limit}\"}} ");
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(&name));
    lines.next().and_then(|value| value.parse().ok())
}

fn of_other_tenant(app: &App, id: &str) -> Person {
    Person::with(&app.instances[0].url, id, |claims| {
        claims.tenant = Some("other".to_owned());
    })
}

#[tokio::test]
async fn who_sends_more_than_twenty_at_once_waits_and_loses_nothing() {
    let app = App::with(1, "limits={sends_per_second=1,sends_burst=20}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let send = async |n: usize| {
        let body = json!({ "content": n.to_string(), "clientMessageId": n.to_string() });
        (n, alice.post(&path, &body).await)
    };
    let began = Instant::now();
    let answers = join_all((0..40).map(&send)).await;
    let (stored, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|(_, it)| it.status == 201);
    let most = 21 + began.elapsed().as_secs() as usize;
    assert!((20..=most).contains(&stored.len()), "{}", stored.len());
    let (again, first) = refused.first().expect("the twenty-first");
    let wait = wait_of(first, 429, "too-many-sends", Duration::from_secs(1));
    let page = bob.get(&format!("{path}?limit=200")).await.ok();
    let seen = page["items"].as_array().expect("items").len();
    assert_eq!(seen, stored.len(), "what was refused left no trace");
    // Nobody else notices: not the other, not the same name elsewhere.
    bob.say(&conversation, "hi").await.ok();
    tokio::time::sleep(wait).await;
    let (_, answer) = send(*again).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    assert_eq!(answer.header("Idempotency-Replayed"), None);
    assert_eq!(answer.body["seq"], stored.len() + 2, "and none is missing");
}

#[tokio::test]
async fn an_edit_a_deletion_and_a_first_message_are_sends_and_typing_is_none() {
    let app = App::with(1, "limits={sends_per_second=1,sends_burst=2}").await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let mine = alice.say(&conversation, "mine").await.ok();
    let message = format!("/v1/messages/{}", mine["id"].as_str().expect("an id"));
    let second = Duration::from_secs(1);
    let edited = until_refused(async || {
        let body = json!({ "content": "edited" });
        alice.patch(&message, &body).await
    });
    wait_of(&edited.await, 429, "too-many-sends", second);
    let deleted = until_refused(async || alice.delete(&message).await).await;
    wait_of(&deleted, 429, "too-many-sends", second);
    let count = async || app.database.number("select count(*) from conversations");
    let mut made = 0;
    let first = until_refused(async || {
        made += 1;
        let body = json!({
            "type": "PRIVATE", "recipientId": "bob", "firstMessage": { "content": "hi" },
            "context": { "type": "AD", "id": made.to_string() },
        });
        alice.post("/v1/conversations", &body).await
    });
    wait_of(&first.await, 429, "too-many-sends", second);
    assert_eq!(count().await.await, made, "the refused one is not there");
    let typing = format!("/v1/conversations/{conversation}/typing");
    for _ in 0..10 {
        let typed = alice.put(&typing, &json!({ "isTyping": true })).await;
        assert_eq!(typed.status, 204);
    }
}

#[tokio::test]
async fn what_is_written_beside_messages_is_paid_from_the_same_allowance() {
    let app = App::with(1, "limits={sends_per_second=1,sends_burst=2}").await;
    let (alice, _, _) = app.two_people_talking().await;
    let service = Person::service(&app.instances[0].url);
    service.get("/v1/me").await.ok();
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let one = format!("/v1/conversations/{}", group["id"].as_str().expect("an id"));
    let (members, bob) = (format!("{one}/members"), format!("{one}/members/bob"));
    let (add, role) = (json!({ "memberIds": ["bob"] }), json!({ "role": "MEMBER" }));
    let writes = [
        (Method::PATCH, &*one, json!({ "subject": "x" })),
        (Method::POST, &*members, add),
        (Method::PATCH, &*bob, role),
        (Method::DELETE, &*bob, Value::Null),
        (Method::PATCH, "/v1/me", json!({ "receiptsOff": true })),
        (Method::POST, "/v1/stream-tickets", json!({})),
    ];
    for (method, path, body) in &writes {
        let ask = async |by: &Person| by.send(by.request(method.clone(), path).json(body)).await;
        let refused = until_refused(async || ask(&alice).await).await;
        wait_of(&refused, 429, "too-many-sends", Duration::from_secs(1));
        if *path != "/v1/me" {
            for _ in 0..4 {
                assert_ne!(ask(&service).await.status, 429, "{path}");
            }
        }
    }
    // What one puts aside for oneself is told to nobody else.
    for status in ["ARCHIVED", "ACTIVE", "ARCHIVED", "ACTIVE"] {
        let put = alice.patch(&one, &json!({ "status": status })).await;
        assert_eq!(put.status, 200, "{}", put.text);
    }
}

#[tokio::test]
async fn who_opens_more_new_conversations_than_allowed_still_finds_those_there_are() {
    let app = App::with(1, "limits={conversations_per_hour=2}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for _ in 0..5 {
        assert_eq!(alice.converse_with("bob").await, conversation);
    }
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    alice.post("/v1/conversations", &group).await.ok();
    let before = app
        .database
        .number("select count(*) from conversations")
        .await;
    let refused = alice.post("/v1/conversations", &group).await;
    let half = Duration::from_secs(1800);
    let wait = wait_of(&refused, 429, "too-many-conversations", half);
    assert!(wait > half - PATIENCE, "{wait:?}");
    assert_eq!(alice.converse_with("bob").await, conversation);
    let after = app
        .database
        .number("select count(*) from conversations")
        .await;
    assert_eq!(before, after);
    // Others have their own: another user, and the same name in another tenant.
    bob.post(
        "/v1/conversations",
        &json!({ "type": "GROUP", "memberIds": ["alice"] }),
    )
    .await
    .ok();
    of_other_tenant(&app, "bob").get("/v1/me").await.ok();
    let namesake = of_other_tenant(&app, "alice");
    namesake.post("/v1/conversations", &group).await.ok();
}

#[tokio::test]
async fn the_hosts_backend_and_a_namesake_elsewhere_are_not_held_up() {
    let limits = "limits={sends_per_second=1,sends_burst=1,conversations_per_hour=1}";
    let app = App::with(1, limits).await;
    let (alice, _, conversation) = app.two_people_talking().await;
    until_refused(async || alice.say(&conversation, "x").await).await;
    let service = Person::service(&app.instances[0].url);
    let group = json!({ "type": "GROUP", "memberIds": ["alice", "bob"] });
    for _ in 0..5 {
        service.say(&conversation, "booked").await.ok();
        service.post("/v1/conversations", &group).await.ok();
    }
    of_other_tenant(&app, "bob").get("/v1/me").await.ok();
    let namesake = of_other_tenant(&app, "alice");
    let elsewhere = namesake.converse_with("bob").await;
    until_refused(async || alice.say(&conversation, "x").await).await;
    let said = namesake.say(&elsewhere, "x").await;
    assert_eq!(said.status, 201, "{}", said.text);
}

#[tokio::test]
async fn an_instance_that_holds_all_its_streams_refuses_one_more_and_answers_polls() {
    let app = App::with(1, "limits={streams=2}").await;
    let open = async |id: &str| {
        let person = app.person(id);
        Listener::open(person.request(Method::GET, "/v1/events/stream")).await
    };
    let mut held = [open("alice").await, open("bob").await];
    for listener in &mut held {
        listener.until("hello").await;
    }
    let carol = app.person("carol");
    let ask = async || carol.request(Method::GET, "/v1/events/stream");
    let refused_one = carol.send(ask().await).await;
    let jittered = Duration::from_secs(5);
    wait_of(&refused_one, 503, "instance-full", jittered);
    assert_eq!(refused(&app.instances[0], "streams").await, Some(1.0));
    assert_eq!(app.instances[0].metric("causerie_streams_open").await, 2.0);
    assert_eq!(carol.get("/v1/events").await.status, 200);
    let [first, _second] = held;
    drop(first);
    // The service notices who left when it writes.
    app.person("alice").converse_with("bob").await;
    eventually("there is room", async || {
        let answer = ask().await.send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn every_limit_is_counted_from_nought() {
    let app = App::with(
        1,
        "streams_per_user=1,waits_per_user=1,limits={sends_per_second=1,sends_burst=1}",
    )
    .await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let here = &app.instances[0];
    let unhit = ["conversations", "tokens", "streams", "writes", "catch_ups"];
    let hit = [
        (
            "sends",
            "POST",
            format!("/v1/conversations/{conversation}/messages"),
        ),
        ("user_streams", "GET", "/v1/events/stream".to_owned()),
        ("user_waits", "GET", "/v1/events?wait=50".to_owned()),
        (
            "diagnostics",
            "GET",
            "/v1/diagnostics/wait?seconds=50".to_owned(),
        ),
    ];
    for limit in unhit.into_iter().chain(["body_size", "body_time"]) {
        assert_eq!(refused(here, limit).await, Some(0.0), "{limit}");
    }
    for (limit, method, path) in &hit {
        assert_eq!(refused(here, limit).await, Some(0.0), "{limit}");
        let method: Method = method.parse().expect("a method");
        let ask = || {
            let body = json!({ "content": "x" });
            let request = alice.request(method.clone(), path);
            let request = if method == Method::POST {
                request.json(&body)
            } else {
                request
            };
            tokio::spawn(request.send())
        };
        let asked: Vec<_> = (0..5).map(|_| ask()).collect();
        eventually(limit, async || {
            (refused(here, limit).await? >= 1.0).then_some(())
        })
        .await;
        asked.iter().for_each(|one| one.abort());
    }
    let long = json!({ "content": "x".repeat(70_000) });
    let answer = alice.post(&hit[0].2, &long).await;
    assert_eq!((answer.status, answer.code()), (413, "body-too-large"));
    assert_eq!(refused(here, "body_size").await, Some(1.0));
    // Who asks for too much is no failure of ours.
    line_of(&app, &id_of(&answer)).await;
    let log = app.instances[0].log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up_and_counted() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let address = alice.base.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.expect("open");
    let head = format!(
        "POST /v1/conversations/{conversation}/messages HTTP/1.1\r\nHost: causerie\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n{{\"content\":\"and then",
        alice.token
    );
    socket.write_all(head.as_bytes()).await.expect("half of it");
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(PATIENCE, socket.read(&mut answer)).await;
    let length = read.expect("it does not wait for ever").expect("an answer");
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("application/problem+json"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let problem: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(problem["code"], "body-timeout");
    assert_eq!(refused(&app.instances[0], "body_time").await, Some(1.0));
    let path = format!("/v1/conversations/{conversation}/messages");
    let page = alice.get(&path).await.ok();
    assert_eq!(page["items"], json!([]), "nothing of it is stored");
}
