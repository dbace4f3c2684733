//! The keys of an issuer: new ones are found, those taken back end what they opened, and an issuer that is away, or sends
//! something else, changes nothing.

mod accepted;
mod issuer;

use std::time::{Duration, Instant};

use futures::future::join_all;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;

use self::issuer::Issuer;
use crate::auth::anonymous;
use crate::forged::keys::Pair;
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

fn person(app: &App, pair: &Pair, id: &str) -> Person {
    let now = chrono::Utc::now().timestamp();
    let token = pair.sign(&json!({ "sub": id, "iat": now, "exp": now + 600 }));
    Person {
        id: id.to_owned(),
        token,
        base: app.instances[0].url.clone(),
    }
}

#[tokio::test]
async fn a_new_key_is_found_and_keys_that_do_not_exist_are_asked_for_once() {
    let (old, new) = (
        Pair::draw(Algorithm::RS256, "old"),
        Pair::draw(Algorithm::RS256, "new"),
    );
    let issuer = Issuer::start().await;
    issuer.publish(&[&old]);
    let app = App::with(1, &issuer.settings(300)).await;
    assert_eq!(
        person(&app, &old, "alice").get("/v1/me").await.ok()["id"],
        "alice"
    );
    issuer.publish(&[&old, &new]);
    assert_eq!(
        person(&app, &new, "bob").get("/v1/me").await.ok()["id"],
        "bob"
    );
    // What a provider lets people say of themselves makes nobody the host's backend.
    let exp = chrono::Utc::now().timestamp() + 600;
    let claims = json!({ "sub": "eve", "exp": exp, "role": "service" });
    let eve = Person {
        token: new.sign(&claims),
        ..person(&app, &new, "eve")
    };
    assert_eq!(eve.get("/v1/me").await.code(), "token-invalid");
    let before = issuer.asked();
    for n in 0..50 {
        let token = stranger_of(&new, &format!("stranger-{n}"));
        let refused = Person {
            token,
            ..person(&app, &new, "eve")
        }
        .get("/v1/me")
        .await;
        assert_eq!((refused.status, refused.code()), (401, "token-invalid"));
    }
    assert_eq!(issuer.asked(), before, "within 30 s of the last time");
}

/// A token of `pair` that says it is of another key.
fn stranger_of(pair: &Pair, kid: &str) -> String {
    let mut header = pair.header();
    header.kid = Some(kid.to_owned());
    let exp = chrono::Utc::now().timestamp() + 600;
    jsonwebtoken::encode(&header, &json!({ "sub": "eve", "exp": exp }), &pair.signing)
        .expect("a token")
}

#[tokio::test]
async fn a_key_that_is_taken_back_ends_what_it_opened() {
    let (old, new) = (
        Pair::draw(Algorithm::RS256, "old"),
        Pair::draw(Algorithm::RS256, "new"),
    );
    let issuer = Issuer::start().await;
    issuer.publish(&[&old, &new]);
    let app = App::with(1, &issuer.settings(1)).await;
    let (alice, bob) = (person(&app, &old, "alice"), person(&app, &new, "bob"));
    let (mut hers, mut his) = (Sse::open(&alice, "").await, Sse::open(&bob, "").await);
    hers.until("hello").await;
    his.until("hello").await;
    let bought = alice.post("/v1/stream-tickets", &json!({})).await.ok();
    let since = alice.get("/v1/events").await.ok()["cursor"].clone();
    let waiting = alice.clone();
    let path = format!(
        "/v1/events?since={}&wait=50",
        since.as_str().expect("a cursor")
    );
    let wait = tokio::spawn(async move { waiting.get(&path).await });
    issuer.is_asked(1).await;
    issuer.publish(&[&new]);
    assert_eq!(hers.until("goodbye").await.data["reason"], "token-revoked");
    let refused = wait.await.expect("an answer");
    assert_eq!((refused.status, refused.code()), (401, "token-invalid"));
    assert_eq!(alice.get("/v1/me").await.status, 401);
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let by_ticket = format!("/v1/events/stream?ticket={ticket}");
    let refused = bob.send(anonymous(&app, Method::GET, &by_ticket)).await;
    assert_eq!((refused.status, refused.code()), (401, "ticket-invalid"));
    assert_eq!(bob.get("/v1/me").await.ok()["id"], "bob");
    // His stream has outlived several readings.
    issuer.is_asked(2).await;
    his.until("heartbeat").await;
}

#[tokio::test]
async fn an_issuer_that_is_away_or_sends_something_else_changes_nothing() {
    let (pair, other) = (
        Pair::draw(Algorithm::RS256, "k"),
        Pair::draw(Algorithm::RS256, "other"),
    );
    let (issuer, elsewhere) = (Issuer::start().await, Issuer::start().await);
    elsewhere.publish(&[&other]);
    issuer.publish(&[&pair]);
    let app = App::with(1, &issuer.settings(1)).await;
    let alice = person(&app, &pair, "alice");
    alice.get("/v1/me").await.ok();
    let redirect = format!("Location: {}\r\n", elsewhere.url);
    let large = format!("{{\"keys\":[],\"more\":\"{}\"}}", "x".repeat(70_000));
    for (status, header, body) in [
        ("500 Oops", "", ""),
        ("302 Found", &*redirect, ""),
        ("200 OK", "", "<html>"),
        ("200 OK", "", "{\"key\":[]}"),
        ("200 OK", "", &large),
        ("nonsense", "", ""),
    ] {
        issuer.say(status, header, body);
        issuer.is_asked(2).await;
        // Another token each time, which is not known from before.
        let id = format!("alice-{}", issuer.asked());
        assert_eq!(
            person(&app, &pair, &id).get("/v1/me").await.ok()["id"],
            *id,
            "{status} {body:.20}"
        );
    }
    assert_eq!(elsewhere.asked(), 0, "a redirect was followed");
    tokio::time::timeout(Duration::from_secs(60), issuer.is_asked(1))
        .await
        .expect("it goes on asking");
}

#[tokio::test]
async fn an_issuer_that_publishes_no_key_has_taken_its_keys_back() {
    let pair = Pair::draw(Algorithm::RS256, "k");
    let issuer = Issuer::start().await;
    // A key that is no public one, and one of an algorithm that is not allowed, are none.
    let secret =
        json!({ "kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", "kid": "k" });
    let other = Pair::draw(Algorithm::EdDSA, "k").jwk;
    issuer.publish(&[&pair]);
    let app = App::with(1, &issuer.settings(1)).await;
    for keys in [json!([]), json!([secret]), json!([other])] {
        let alice = person(&app, &pair, &format!("alice-{}", issuer.asked()));
        eventually("the key to be known", async || {
            (alice.get("/v1/me").await.status == 200).then_some(())
        })
        .await;
        let mut stream = Sse::open(&alice, "").await;
        stream.until("hello").await;
        issuer.say("200 OK", "", &json!({ "keys": keys }).to_string());
        assert_eq!(
            stream.until("goodbye").await.data["reason"],
            "token-revoked"
        );
        assert_eq!(alice.get("/v1/me").await.code(), "token-invalid", "{keys}");
        issuer.is_asked(2).await;
        issuer.publish(&[&pair]);
    }
    eventually("one word for each time", async || {
        let log = app.instances[0].log();
        let said = log.matches("publishes no key that can be used").count();
        (said == 3).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_asked_for_a_token_is_asked_once_and_ends_what_is_taken_back() {
    let pairs = ["old", "new", "newer"].map(|kid| Pair::draw(Algorithm::RS256, kid));
    let [old, new, newer] = &pairs;
    let issuer = Issuer::start().await;
    issuer.publish(&[old]);
    let app = App::with(1, &issuer.settings(300)).await;
    let alice = person(&app, old, "alice");
    let since = alice.get("/v1/events").await.cursor();
    let waiting = alice.clone();
    let path = format!("/v1/events?since={since}&wait=50");
    let began = Instant::now();
    let wait = tokio::spawn(async move { waiting.get(&path).await });
    eventually("the wait to begin", async || {
        (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
    })
    .await;
    let before = issuer.asked();
    issuer.publish(&[new]);
    // One of them has a name that exists by now.
    let strangers = (0..50).map(async |n| {
        let token = stranger_of(old, &format!("stranger-{n}"));
        Person {
            token,
            ..alice.clone()
        }
        .get("/v1/me")
        .await
        .status
    });
    let (strangers, bob) = (join_all(strangers), person(&app, new, "bob"));
    let (statuses, bob) = tokio::join!(strangers, bob.get("/v1/me"));
    assert_eq!(statuses, [401; 50]);
    assert_eq!(bob.status, 200, "{}", bob.text);
    assert_eq!(issuer.asked(), before + 1);
    let refused = wait.await.expect("an answer");
    assert_eq!(refused.code(), "token-invalid");
    assert!(began.elapsed() < Duration::from_secs(40), "it was not told");
    issuer.publish(&[newer]);
    assert_eq!(
        person(&app, newer, "carol").get("/v1/me").await.status,
        401,
        "within 30 s"
    );
}

#[tokio::test]
async fn a_slow_answer_does_not_come_over_a_newer_one() {
    let (old, new) = (
        Pair::draw(Algorithm::RS256, "old"),
        Pair::draw(Algorithm::RS256, "new"),
    );
    let issuer = Issuer::start().await;
    issuer.publish(&[&old]);
    let held = issuer.hold().await;
    let app = App::with(1, &issuer.settings(300)).await;
    eventually("the issuer to be asked", async || {
        (issuer.asked() == 1).then_some(())
    })
    .await;
    issuer.publish(&[&new]);
    let bob = person(&app, &new, "bob");
    let first = tokio::spawn(async move { bob.get("/v1/me").await.status });
    // Asked a second time at once, if it can be; the first answer is given in any case before it is given up.
    let began = Instant::now();
    while issuer.asked() < 2 && began.elapsed() < Duration::from_secs(2) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(held);
    assert_eq!(first.await.expect("an answer"), 200);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(1) {
        let id = format!("bob-{}", began.elapsed().as_millis());
        assert_eq!(person(&app, &new, &id).get("/v1/me").await.status, 200);
    }
}
