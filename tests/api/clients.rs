//! Real clients: curl, PyPI httpx-sse and sseclient-py, npm eventsource, directly and through a real nginx (i) as
//! installed, (ii) made to buffer, where the stream cannot arrive and long-poll must work, (iii) as we recommend.

#[path = "clients/curl.rs"]
mod curl;
#[path = "clients/follower.rs"]
mod follower;
#[path = "clients/polls.rs"]
mod polls;

use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::json;

use self::curl::{curl, run};
use self::follower::{Follower, Kind};
use crate::support::nginx::{BUFFERING, Nginx};
use crate::support::{App, PATIENCE, Person, eventually};

/// Streams that end after about two seconds, so that every client has to come back again and again.
const SHORT_STREAMS: &str = "stream_secs=2,heartbeat_secs=1";
/// Each client is followed through at least this many messages, and this many connections.
const MESSAGES: usize = 50;
const CONNECTIONS: usize = 4;
async fn every_client(person: &Person) -> Vec<Follower> {
    let since = person.cursor().await;
    join_all(Kind::ALL.map(|kind| Follower::start(kind, person, &since))).await
}

/// Alice says numbers until all have come back as often as they should; gives how many she said.
async fn talk_while_they_reconnect(
    alice: &Person,
    conversation: &str,
    followers: &[Follower],
) -> usize {
    let (started, mut said) = (Instant::now(), 0);
    while said < MESSAGES || followers.iter().any(|f| f.connections() < CONNECTIONS) {
        let connections = followers.iter().map(|f| (f.kind, f.connections()));
        assert!(
            started.elapsed() < 2 * PATIENCE,
            "some do not come back: {:?}",
            connections.collect::<Vec<_>>()
        );
        said += 1;
        alice.say(conversation, &said.to_string()).await.ok();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    said
}

async fn assert_all_heard(followers: &[Follower], said: usize) {
    for follower in followers {
        let what = format!("{:?} hears all {said} messages", follower.kind);
        eventually(&what, async || {
            (follower.messages().len() >= said).then_some(())
        })
        .await;
        follower.assert_nothing_lost_or_repeated(said);
    }
}

/// Each message reaches every client before the next is sent, on the first connection of each.
async fn assert_heard_at_once(app: &App, person: &Person, alice: &Person, conversation: &str) {
    let followers = every_client(person).await;
    for n in 1..=5 {
        alice.say(conversation, &n.to_string()).await.ok();
        for follower in &followers {
            let what = format!("{:?} hears message {n}", follower.kind);
            eventually(&what, async || {
                (follower.messages().len() >= n).then_some(())
            })
            .await;
        }
    }
    assert_eq!(
        app.instances[0].metric("causerie_streams_open").await,
        followers.len() as f64,
        "the streams are still open"
    );
    for follower in &followers {
        follower.assert_nothing_lost_or_repeated(5);
        assert_eq!(follower.connections(), 1, "{:?}", follower.kind);
    }
}

#[tokio::test]
async fn every_client_follows_across_reconnects_without_loss_or_repeat() {
    let app = App::with(1, SHORT_STREAMS).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let followers = every_client(&bob).await;
    let said = talk_while_they_reconnect(&alice, &conversation, &followers).await;
    assert_all_heard(&followers, said).await;
    // What a stream calls an id is a cursor on the other transports.
    let middle = &followers[0].messages()[said / 2 - 1].id;
    let (rest, _) = bob.all_events(middle, 200).await;
    let rest = rest
        .iter()
        .filter(|event| event["type"] == "message.created");
    assert_eq!(rest.count(), said - said / 2);
}

#[tokio::test]
async fn through_nginx_as_installed_every_client_resumes_after_goodbyes_and_after_a_cut() {
    let app = App::with(1, SHORT_STREAMS).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut nginx = Nginx::as_installed(&app.instances[0]).await;
    let followers = every_client(&bob.at(&nginx.url)).await;
    let (said, ()) = tokio::join!(
        talk_while_they_reconnect(&alice, &conversation, &followers),
        async {
            let half = async || (followers[0].messages().len() > MESSAGES / 2).then_some(());
            eventually("half of the messages", half).await;
            nginx.restart().await;
        }
    );
    assert_all_heard(&followers, said).await;
    let cuts: usize = followers.iter().map(Follower::cuts).sum();
    assert!(cuts > 0, "nobody was connected when nginx was restarted");
}

#[tokio::test]
async fn through_nginx_as_installed_every_message_arrives_while_the_stream_is_open() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let nginx = Nginx::as_installed(&app.instances[0]).await;
    assert_heard_at_once(&app, &bob.at(&nginx.url), &alice, &conversation).await;
}

#[tokio::test]
async fn through_nginx_that_compresses_event_streams_every_message_arrives_while_the_stream_is_open()
 {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let nginx = Nginx::with_location(
        &app.instances[0],
        "gzip_types text/event-stream; gzip_min_length 1;",
    )
    .await;
    assert_heard_at_once(&app, &bob.at(&nginx.url), &alice, &conversation).await;
}

#[tokio::test]
async fn through_the_recommended_nginx_every_message_arrives_and_no_ticket_is_logged() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut nginx = Nginx::as_recommended(&app.instances).await;
    let bob = bob.at(&nginx.url);
    assert_heard_at_once(&app, &bob, &alice, &conversation).await;
    let kept = curl(&bob, "/v1/me", &["-H", "X-Request-Id: of-the-page"]).await;
    assert_eq!(kept.header("x-request-id"), Some("of-the-page"));
    let made = curl(&bob, "/v1/me", &[]).await;
    assert_eq!(
        made.header("x-request-id").map(str::len),
        Some(32),
        "nginx's own"
    );
    // A stream whose instance dies is an error in nginx's eyes, and those quote what was asked.
    let ticket = bob.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let stream = bob.request(Method::GET, &format!("/v1/events/stream?ticket={ticket}"));
    let stream = stream.send().await.expect("it opens");
    assert_eq!(stream.status(), 200);
    app.instances[0].signal(Signal::SIGKILL);
    drop(stream.text().await);
    // Lines are written when a request ends; when nginx has ended, all are.
    nginx.stop();
    let logs = nginx.logs(&["access.log", "streams.log", "error.log"]);
    assert!(
        logs.contains("GET /v1/events/stream HTTP/1.1\" 200"),
        "{logs}"
    );
    assert!(logs.contains("of-the-page"), "{logs}");
    assert!(
        !logs.contains("ticket=") && !logs.contains("since="),
        "{logs}"
    );
}

#[tokio::test]
async fn where_nginx_buffers_the_stream_does_not_arrive_and_long_polls_do() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let nginx = Nginx::with_location(&app.instances[0], BUFFERING).await;
    let behind = bob.at(&nginx.url);
    let mut cursor = bob.cursor().await;
    let stream = format!("/v1/events/stream?since={cursor}");
    let (code, direct) = run(&bob, &stream, &["--max-time", "3"]).await;
    assert!(
        code == Some(28) && direct.contains("event: hello"),
        "{code:?} {direct}"
    );
    let (code, buffered) = run(&behind, &stream, &["-i", "--max-time", "3"]).await;
    assert_eq!(
        (code, buffered.as_str()),
        (Some(28), ""),
        "not even its headers"
    );
    for n in 1..=20 {
        let wait = format!("/v1/events?since={cursor}&wait=30");
        let (page, ()) = tokio::join!(curl(&behind, &wait, &[]), async {
            eventually("the long-poll waits", async || {
                (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
            })
            .await;
            alice.say(&conversation, &n.to_string()).await.ok();
        });
        assert_eq!(
            (page.status, page.contents()),
            (200, vec![n.to_string().as_str()])
        );
        cursor = page.cursor().to_owned();
    }
}
