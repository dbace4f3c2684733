//! The feed as server-sent events: what each frame says, and how a stream ends.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::Value;

use crate::sse::{Frame, Sse};
use crate::support::{App, PATIENCE, Person, eventually};

/// Until this many streams are open at the first instance.
async fn open_streams(app: &App, number: f64) {
    eventually("the number of open streams", async || {
        let open = app.instances[0].metric("causerie_streams_open").await;
        (open == number).then_some(())
    })
    .await;
}

fn content(frame: &Frame) -> &str {
    let content = frame.data["data"]["message"]["content"].as_str();
    content.unwrap_or_else(|| panic!("no message in {frame:?}"))
}

#[tokio::test]
async fn a_stream_greets_then_tells_each_event_with_its_cursor() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = bob.cursor().await;
    let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
    for (name, expected) in [
        ("cache-control", "no-store, no-transform"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(stream.response.headers()[name], expected);
    }
    assert!(!stream.response.headers().contains_key("content-encoding"));
    let hello = stream.next().await.expect("hello");
    assert!((2000..=6000).contains(&stream.retry.expect("retry comes first")));
    assert_eq!(
        (hello.event.as_str(), hello.id),
        ("hello", Some(cursor.clone()))
    );
    let unread = stream.until("unread").await;
    assert_eq!((unread.id, &unread.data["total"]), (None, &Value::from(0)));
    alice.say(&conversation, "one\ntwo").await.ok();
    let told = stream.until("message.created").await;
    assert_eq!(content(&told), "one\ntwo");
    assert_eq!(told.data["cursor"].as_str(), told.id.as_deref());
    let polled = bob.poll(&cursor, "").await.ok();
    assert_eq!(
        told.data, polled["events"][0],
        "the same event on every transport"
    );
    let unread = stream.until("unread").await;
    assert_eq!(unread.id, None);
    assert_eq!(unread.data, polled["unread"]);
}

#[tokio::test]
async fn the_last_event_id_wins_over_since_and_has_an_alias() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for text in ["one", "two", "three"] {
        alice.say(&conversation, text).await.ok();
    }
    let events = bob.poll("0", "").await.ok()["events"].clone();
    let after = |n: usize| events[n]["cursor"].as_str().expect("a cursor");
    let (first, second) = (after(1), after(2));
    let request = bob
        .request(Method::GET, &format!("/v1/events/stream?since={first}"))
        .header("Last-Event-ID", second);
    let mut by_header = Sse::of(request.send().await.expect("an answer"));
    assert_eq!(by_header.until("hello").await.id.as_deref(), Some(second));
    assert_eq!(content(&by_header.events(1).await[0]), "three");
    let mut by_alias = Sse::open(&bob, &format!("?lastEventId={first}")).await;
    assert_eq!(by_alias.until("hello").await.id.as_deref(), Some(first));
    let rest = by_alias.events(2).await;
    assert_eq!(
        rest.iter().map(content).collect::<Vec<_>>(),
        ["two", "three"]
    );
    let mut oldest = Sse::open(&bob, "?since=0").await;
    assert_eq!(oldest.events(4).await[0].event, "conversation.created");
}

#[tokio::test]
async fn a_heartbeat_never_claims_more_than_was_written() {
    let app = App::with(1, "heartbeat_secs=1").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut stream = Sse::open(&bob, "").await;
    let hello = stream.until("hello").await;
    assert_eq!(stream.until("heartbeat").await.id, hello.id);
    // Others' events move the log, not what this client was given.
    let speaker = alice.clone();
    let talk = tokio::spawn(async move {
        for n in 0..300 {
            speaker.say(&conversation, &n.to_string()).await.ok();
        }
    });
    let (mut written, mut beats, mut events) = (hello.id, 0, 0);
    while beats < 2 || events < 300 {
        let frame = stream.next().await.expect("it goes on");
        match frame.event.as_str() {
            "heartbeat" => {
                beats += 1;
                let beat = position(&frame.id);
                assert!(beat <= position(&written), "{beat:?} after {written:?}");
                // Whoever goes on from a heartbeat must miss nothing: it is the last that was written.
                assert_eq!(frame.id, written);
            }
            "unread" | "ephemeral" => assert_eq!(frame.id, None),
            "message.created" => {
                events += 1;
                assert!(position(&frame.id) > position(&written));
                written = frame.id;
            }
            other => panic!("{other}"),
        }
    }
    talk.await.expect("no panic");
}

/// The number in a cursor: only for comparing two of one log.
fn position(id: &Option<String>) -> Option<i64> {
    id.as_deref()?.rsplit_once('-')?.1.parse().ok()
}

#[tokio::test]
async fn an_unusable_cursor_is_told_inside_the_stream() {
    let app = App::start().await;
    let (_, bob, _) = app.two_people_talking().await;
    let head = bob.cursor().await;
    let above = format!("{}000", head);
    for (cursor, reason) in [
        ("nonsense", "invalid-cursor"),
        ("c00000000-1", "cursor-expired"),
        (above.as_str(), "cursor-expired"),
    ] {
        let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
        let frames = stream.rest().await;
        assert_eq!(frames.len(), 1, "{frames:?}");
        assert!(stream.retry.is_some());
        assert_eq!(frames[0].event, "resync");
        assert_eq!(frames[0].data["reason"], reason, "{cursor}");
        assert_eq!(frames[0].id.as_deref(), Some(head.as_str()));
    }
    open_streams(&app, 0.0).await;
}

#[tokio::test]
async fn the_eleventh_stream_of_a_user_is_refused() {
    let app = App::with(1, "heartbeat_secs=1").await;
    let (alice, bob, _) = app.two_people_talking().await;
    let mut streams = Vec::new();
    for _ in 0..10 {
        streams.push(Sse::open(&bob, "").await);
    }
    let refused = bob.get("/v1/events/stream").await;
    assert_eq!((refused.status, refused.code()), (429, "too-many-streams"));
    assert!(refused.header("retry-after").is_some());
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    Sse::open(&alice, "").await.until("hello").await;
    // A client that goes without a word is noticed when something is written to it: a heartbeat or two later.
    let left = Instant::now();
    drop(streams);
    open_streams(&app, 0.0).await;
    assert!(
        left.elapsed() < Duration::from_secs(10),
        "{:?}",
        left.elapsed()
    );
    Sse::open(&bob, "").await.until("hello").await;
}

#[tokio::test]
async fn an_old_stream_says_goodbye_and_nothing_is_lost_over_it() {
    let app = App::with(1, "stream_secs=1").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut cursor = bob.cursor().await;
    let speaker = alice.clone();
    let talk = tokio::spawn(async move {
        for n in 0..100 {
            speaker.say(&conversation, &n.to_string()).await.ok();
            // Spread over several streams' lives.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let (mut heard, mut goodbyes) = (Vec::new(), 0);
    let started = Instant::now();
    while heard.len() < 100 || goodbyes < 2 {
        assert!(started.elapsed() < PATIENCE, "{heard:?}");
        let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
        let frames = stream.rest().await;
        let goodbye = frames.last().expect("a last word");
        assert_eq!((goodbye.event.as_str(), &goodbye.id), ("goodbye", &None));
        assert_eq!(goodbye.data["reason"], "max-age");
        assert!(goodbye.data["reconnectAfterMs"].is_u64());
        goodbyes += 1;
        let events = frames
            .iter()
            .filter(|frame| frame.event == "message.created");
        heard.extend(events.map(|frame| content(frame).to_owned()));
        cursor = frames
            .iter()
            .rev()
            .find_map(|frame| frame.id.clone())
            .expect("hello has one");
    }
    let said: Vec<_> = (0..100).map(|n| n.to_string()).collect();
    assert_eq!(heard, said);
    talk.await.expect("no panic");
}

#[tokio::test]
async fn a_stream_ends_with_the_token() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let bob = Person::with(&app.instances[0].url, "bob", |claims| {
        claims.exp = chrono::Utc::now().timestamp() - causerie::auth::LEEWAY_SECS + 4;
    });
    let started = Instant::now();
    let mut stream = Sse::open(&bob, "").await;
    stream.until("hello").await;
    alice.say(&conversation, "in time").await.ok();
    let frames = stream.rest().await;
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(frames.iter().any(|frame| frame.event == "message.created"));
    let goodbye = frames.last().expect("a last word");
    assert_eq!(
        (goodbye.event.as_str(), &goodbye.data["reason"]),
        ("goodbye", &Value::from("token-expired"))
    );
    open_streams(&app, 0.0).await;
}
