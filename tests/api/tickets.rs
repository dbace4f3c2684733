//! Stream tickets: what opens a stream where no header can be sent.

use std::time::{Duration, Instant};

use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::auth::{anonymous, answer, token};
use crate::listener::Listener;
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

async fn buy(by: &Person) -> String {
    let answer = by.post("/v1/stream-tickets", &json!({})).await;
    assert_eq!(answer.status, 201);
    assert!(
        answer.body["expiresAt"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );
    answer.ok()["ticket"].as_str().expect("a ticket").to_owned()
}

/// As an EventSource of another site: no header, no cookie.
fn stream(base: &str, ticket: &str) -> RequestBuilder {
    Client::new().get(format!("{base}/v1/events/stream?ticket={ticket}"))
}

#[tokio::test]
async fn a_ticket_opens_a_stream_on_any_instance_and_nothing_else() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let ticket = buy(&bob).await;
    let mut listener = Listener::open(stream(&app.instances[1].url, &ticket)).await;
    let hello = listener.until("hello").await;
    assert_eq!(hello.id.as_deref(), hello.data["cursor"].as_str());
    alice.say(&conversation, "hi").await.ok();
    assert_eq!(
        listener.until("message.created").await.data["data"]["message"]["content"],
        "hi"
    );

    for path in [
        "/v1/me",
        "/v1/events",
        "/v1/conversations",
        "/v1/sync",
        "/v1/unread",
    ] {
        let get = Client::new().get(format!("{}{path}?ticket={ticket}", bob.base));
        assert_eq!(bob.send(get).await.code(), "token-missing", "{path}");
        let get = Client::new()
            .get(format!("{}{path}", bob.base))
            .bearer_auth(&ticket);
        assert_eq!(bob.send(get).await.code(), "token-invalid", "{path}");
    }
    for unknown in ["", "x", &"0".repeat(32), &ticket.to_uppercase(), "%00"] {
        let refused = bob.send(stream(&bob.base, unknown)).await;
        assert_eq!(
            (refused.status, refused.code()),
            (401, "ticket-invalid"),
            "{unknown:?}"
        );
    }
    let in_url = bob.send(stream(&bob.base, &bob.token)).await;
    assert_eq!((in_url.status, in_url.code()), (400, "token-in-url"));
    let refused = bob
        .send(Client::new().post(format!("{}/v1/stream-tickets", bob.base)))
        .await;
    assert_eq!((refused.status, refused.code()), (401, "token-missing"));
    // What is stored proves nothing to whoever reads it.
    let stored_as = |ticket: &str| {
        format!(
            "select count(*) from stream_tickets where hash in (decode('{ticket}', 'hex'), convert_to('{ticket}', 'UTF8'))"
        )
    };
    assert_eq!(
        app.database
            .number("select count(*) from stream_tickets")
            .await,
        1
    );
    assert_eq!(app.database.number(&stored_as(&ticket)).await, 0);
}

#[tokio::test]
async fn a_newer_stream_replaces_the_older_on_the_same_and_on_another_instance() {
    let app = App::with(2, "").await;
    let bob = app.person("bob");
    let ticket = buy(&bob).await;
    // On the first, again on the first, then on the second.
    let mut older = Listener::open(stream(&app.instances[0].url, &ticket)).await;
    older.until("hello").await;
    for instance in [0, 1] {
        let opened = Instant::now();
        let mut newer = Listener::open(stream(&app.instances[instance].url, &ticket)).await;
        newer.until("hello").await;
        let goodbye = older.until("goodbye").await;
        assert_eq!(goodbye.data["reason"], "replaced");
        assert!(goodbye.data["reconnectAfterMs"].as_u64().is_some());
        assert!(older.next().await.is_none(), "it ends");
        assert!(
            opened.elapsed() < Duration::from_secs(25),
            "{:?}",
            opened.elapsed()
        );
        older = newer;
    }
    // The newest lives on.
    older.until("heartbeat").await;
}

#[tokio::test]
async fn a_ticket_that_expired_or_whose_token_ended_opens_nothing() {
    let app = App::start().await;
    let bob = app.person("bob");
    let ticket = buy(&bob).await;
    app.database
        .execute("update stream_tickets set expires_at = now() - interval '1 second'")
        .await;
    assert_eq!(
        bob.send(stream(&bob.base, &ticket)).await.code(),
        "ticket-invalid"
    );

    let exp = chrono::Utc::now().timestamp() + 2;
    let short = Person {
        token: token(json!({ "sub": "bob", "exp": exp })),
        ..bob.clone()
    };
    let ticket = buy(&short).await;
    let mut open = Listener::open(short.request(Method::GET, "/v1/events/stream")).await;
    open.until("hello").await;
    eventually("the token ends, and its ticket with it", async || {
        let refused = bob.send(stream(&bob.base, &ticket).timeout(Duration::from_millis(500)));
        (tokio::time::timeout(Duration::from_millis(400), refused)
            .await
            .ok()?
            .code()
            == "ticket-invalid")
            .then_some(())
    })
    .await;
    assert!(chrono::Utc::now().timestamp() >= exp);
    // A stream that is open ends with its token and the leeway, and says why.
    let goodbye = open.until("goodbye").await;
    assert_eq!(goodbye.data["reason"], "token-expired");
    assert!((exp + 29..exp + 40).contains(&chrono::Utc::now().timestamp()));
}

const SITE: &str = "https://site.example";
const OTHER: &str = "https://other.example";

#[tokio::test]
async fn a_ticket_is_long_stored_as_a_hash_and_good_for_its_buyers_site_alone() {
    let app = App::with(1, &format!("origins=[\"{SITE}\",\"{OTHER}\"]")).await;
    let alice = app.person("alice");
    let buy = async |by: &Person, origin: Option<&str>| {
        let post = by
            .request(Method::POST, "/v1/stream-tickets")
            .json(&json!({}));
        let post = match origin {
            Some(origin) => post.header("Origin", origin),
            None => post,
        };
        let bought = answer(post).await.ok();
        bought["ticket"].as_str().expect("a ticket").to_owned()
    };
    let open = |ticket: &str, origin: Option<&str>| {
        let get = anonymous(
            &app,
            Method::GET,
            &format!("/v1/events/stream?ticket={ticket}"),
        );
        match origin {
            Some(origin) => get.header("Origin", origin),
            None => get,
        }
    };
    let ticket = buy(&alice, Some(SITE)).await;
    // 128 bits, never the same: half of the bits of two differ, give or take.
    let bits = |ticket: &str| u128::from_str_radix(ticket, 16).expect("hex");
    assert_eq!(ticket.len(), 32);
    let differing = (bits(&ticket) ^ bits(&buy(&alice, None).await)).count_ones();
    assert!((20..108).contains(&differing), "{differing}");
    app.database
        .execute("delete from stream_tickets where origin is null")
        .await;
    // What is stored: the hash, and whose it is.
    let mut connection = app.database.connect().await;
    let row: Value = sqlx::query_scalar("select to_jsonb(t) from stream_tickets t")
        .fetch_one(&mut connection)
        .await
        .expect("one ticket");
    let hash = Sha256::digest(&ticket)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    assert_eq!(row["hash"], format!("\\x{hash}"));
    assert!(!row.to_string().contains(&ticket), "{row}");
    let whose =
        ["tenant_id", "user_id", "origin"].map(|column| row[column].as_str().unwrap_or_default());
    assert_eq!(whose, ["default", "alice", SITE]);

    let refused = answer(open(&ticket, Some(OTHER))).await;
    assert_eq!(
        (refused.status, refused.code()),
        (401, "ticket-invalid"),
        "another site"
    );
    assert_eq!(
        answer(open(&ticket, Some("https://evil.example")))
            .await
            .status,
        403
    );
    let opened = open(&ticket, Some(SITE)).send().await.expect("an answer");
    Sse::of(opened).until("hello").await;
}

#[tokio::test]
async fn a_ticket_is_of_its_person_in_its_tenant() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let of_other = |id: &str| {
        Person::with(&alice.base, id, |claims| {
            claims.tenant = Some("other".to_owned())
        })
    };
    let (namesake, friend) = (of_other("alice"), of_other("friend"));
    friend.get("/v1/me").await.ok();
    let there = namesake.converse_with("friend").await;
    let ticket = namesake.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let stream = anonymous(
        &app,
        Method::GET,
        &format!("/v1/events/stream?ticket={ticket}"),
    );
    let mut stream = Sse::of(stream.send().await.expect("an answer"));
    stream.until("hello").await;
    bob.say(&conversation, "for the other alice").await.ok();
    friend.say(&there, "for this one").await.ok();
    let first = stream.until("message.created").await;
    assert_eq!(first.data["data"]["message"]["content"], "for this one");
}
