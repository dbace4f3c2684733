//! Streams whose clients do not read: they end when others end, and leave their places, though nothing can be written.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::slow_readers::say_much;
use crate::sse::Sse;
use crate::support::{App, PATIENCE, Person, eventually};

/// Of 20 kB each: twice what the kernel takes in for a reader who does not read.
const MESSAGES: usize = 400;

/// One stream each, so that a place that is not given back is missed.
const ONE: &str = "streams_per_user=1";

/// A stream that is read no further than its beginning. The kernel takes in next to nothing for it.
struct Stalled {
    stream: TcpStream,
    seen: Vec<u8>,
}

async fn open(person: &Person, path: &str) -> Stalled {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a size");
    let address = person.base.trim_start_matches("http://");
    let connected = socket.connect(address.parse().expect("an address and a port"));
    let mut stream = connected.await.expect("it accepts");
    let token = &person.token;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: causerie\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let (mut seen, mut some) = (Vec::new(), [0; 256]);
    while !seen.windows(5).any(|part| part == b"hello") {
        let n = timeout(PATIENCE, stream.read(&mut some)).await;
        let n = n.expect("it goes on").expect("readable");
        assert!(n > 0, "it ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..n]);
    }
    Stalled { stream, seen }
}

async fn streams(app: &App) -> f64 {
    app.instances[0].metric("causerie_streams_open").await
}

async fn none_open(app: &App) {
    eventually("the place of a stream that nobody reads", async || {
        (streams(app).await == 0.0).then_some(())
    })
    .await;
}

/// Reads all of it: each frame is whole, and the last one a goodbye. Gives its reason, and how many messages were written
/// before it.
async fn read(stalled: Stalled) -> (String, usize) {
    let Stalled { mut stream, seen } = stalled;
    let mut answer = seen;
    let read = timeout(2 * PATIENCE, stream.read_to_end(&mut answer)).await;
    read.expect("it ends").expect("readable");
    let head = answer.windows(4).position(|part| part == b"\r\n\r\n");
    let body = without_sizes(&answer[head.expect("a head") + 4..]);
    let text = std::str::from_utf8(&body).expect("UTF-8");
    let text = text.strip_suffix("\n\n").expect("a whole frame");
    let frames: Vec<_> = text.split("\n\n").map(frame).collect();
    let (last, before) = frames.split_last().expect("a last word");
    assert_eq!(last.0, "goodbye");
    let reason = last.1["reason"].as_str().expect("a reason");
    let messages = before.iter().filter(|(name, _)| *name == "message.created");
    (reason.to_owned(), messages.count())
}

/// An event's name and its data.
fn frame(block: &str) -> (&str, Value) {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
    let data = field("data: ").unwrap_or_else(|| panic!("no data in {block:?}"));
    let event = field("event: ").unwrap_or_else(|| panic!("no event in {block:?}"));
    (event, serde_json::from_str(data).expect("JSON"))
}

/// What a chunked body says.
fn without_sizes(mut body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    loop {
        let line = body.windows(2).position(|two| two == b"\r\n");
        let line = line.expect("a size");
        let size = std::str::from_utf8(&body[..line]).expect("hexadecimal");
        let size = usize::from_str_radix(size, 16).expect("hexadecimal");
        if size == 0 {
            return all;
        }
        all.extend_from_slice(&body[line + 2..line + 2 + size]);
        body = &body[line + 2 + size + 2..];
    }
}

#[tokio::test]
async fn one_that_is_not_read_ends_with_its_token() {
    let app = App::with(1, ONE).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let since = bob.cursor().await;
    say_much(&alice, &conversation, MESSAGES).await;
    let path = format!("/v1/events/stream?since={since}");
    let short = Person::with(&bob.base, "bob", |claims| {
        claims.exp = chrono::Utc::now().timestamp() - causerie::auth::LEEWAY_SECS + 8;
    });
    let stalled = open(&short, &path).await;
    none_open(&app).await;
    Sse::open(&bob, "").await.until("hello").await;
    let (reason, messages) = read(stalled).await;
    assert_eq!(reason, "token-expired");
    assert!(messages < MESSAGES, "what is not written yet is left out");
}

#[tokio::test]
async fn one_that_is_not_read_ends_when_its_token_is_taken_back() {
    let app = App::with(1, ONE).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/events/stream?since={}", bob.cursor().await);
    let stalled = open(&bob, &path).await;
    // It is open while they come: the page that does not fit is begun, and no more is read for it.
    say_much(&alice, &conversation, MESSAGES).await;
    assert_eq!(streams(&app).await, 1.0);
    let service = Person::service(&bob.base);
    let revoke = service.post("/v1/admin/users/bob/revoke", &json!({})).await;
    assert_eq!(revoke.status, 204);
    none_open(&app).await;
    // Seconds are what a token counts in: one of this very second may still be refused.
    let anew = eventually("a new token to be let in", async || {
        let anew = Person::new(&bob.base, "bob");
        (anew.get("/v1/me").await.status == 200).then_some(anew)
    })
    .await;
    Sse::open(&anew, "").await.until("hello").await;
    let (reason, messages) = read(stalled).await;
    assert_eq!(reason, "token-revoked");
    assert!(messages < MESSAGES, "what is not written yet is left out");
}

#[tokio::test]
async fn one_that_is_not_read_grows_no_older_than_any_other() {
    let app = App::with(1, &format!("{ONE},stream_secs=5")).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let since = bob.cursor().await;
    say_much(&alice, &conversation, MESSAGES).await;
    let path = format!("/v1/events/stream?since={since}");
    let stalled = open(&bob, &path).await;
    none_open(&app).await;
    let (reason, messages) = read(stalled).await;
    assert_eq!(reason, "max-age");
    assert!(messages < MESSAGES, "what is not written yet is left out");
}
