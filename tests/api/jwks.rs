//! The keys of an issuer: new ones are found, those taken back end what they opened, and an issuer that is away, or sends
//! something else, changes nothing.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::auth::anonymous;
use crate::forged::keys::{Pair, set};
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

/// What it answers, head and body, and how often it was asked.
#[derive(Clone)]
struct Issuer {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<usize>>,
}

impl Issuer {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let issuer = Self {
            url: format!("http://{address}/keys"),
            answer: Arc::default(),
            asked: Arc::default(),
        };
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = client.read(&mut head).await;
                *serving.asked.lock().expect("a count") += 1;
                let answer = serving.answer.lock().expect("an answer").clone();
                let _ = client.write_all(answer.as_bytes()).await;
            }
        });
        issuer
    }

    fn publish(&self, pairs: &[&Pair]) {
        self.say("200 OK", "", &set(pairs).to_string());
    }

    fn say(&self, status: &str, header: &str, body: &str) {
        *self.answer.lock().expect("an answer") = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{header}\r\n{body}",
            body.len()
        );
    }

    fn asked(&self) -> usize {
        *self.asked.lock().expect("a count")
    }

    /// Until it was asked so many times more.
    async fn is_asked(&self, times: usize) {
        let wanted = self.asked() + times;
        eventually("the issuer to be asked", async || {
            (self.asked() >= wanted).then_some(())
        })
        .await;
    }

    fn settings(&self, every: u64) -> String {
        format!(
            r#"jwks_secs={every},keys=[{{jwks="{}",algorithms=["RS256"]}}]"#,
            self.url
        )
    }
}

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
    let secret = json!({ "keys": [{ "kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I", "kid": "k" }] }).to_string();
    for (status, header, body) in [
        ("500 Oops", "", ""),
        ("302 Found", &*redirect, ""),
        ("200 OK", "", "<html>"),
        ("200 OK", "", "{\"keys\":[]}"),
        ("200 OK", "", &large),
        ("200 OK", "", &secret),
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
