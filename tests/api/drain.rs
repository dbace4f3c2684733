//! What those who are being sent away still get: everything, to their goodbye.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::sse::Sse;
use crate::support::{App, eventually};

#[tokio::test]
async fn a_stream_that_is_sent_away_is_told_what_happens_until_its_goodbye() {
    let mut app = App::with(1, "drain_secs=20").await;
    app.add("", &[]).await;
    let (alice, bob, _) = app.two_people_talking().await;
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = Sse::open(&bob, "").await;
        stream.until("hello").await;
        streams.push(stream);
    }
    app.instances[0].signal(Signal::SIGTERM);
    eventually("the port to close", async || {
        let status = app.instances[0].status("/healthz").await;
        status.is_none().then_some(())
    })
    .await;
    // With its first message in the same write: what is held of the creation is out of date, and read anew.
    let body = json!({ "type": "GROUP", "memberIds": ["bob"], "firstMessage": { "content": "still here?" } });
    let alice = alice.at(&app.instances[1].url);
    alice.post("/v1/conversations", &body).await.ok();
    let mut told = 0;
    for stream in &mut streams {
        let events: Vec<_> = stream.rest().await.into_iter().map(|f| f.event).collect();
        assert_eq!(events.last().map(String::as_str), Some("goodbye"));
        assert!(!events.iter().any(|event| event == "error"), "{events:?}");
        told += usize::from(events.iter().any(|event| event == "conversation.created"));
    }
    assert!(told > 0, "all had gone before");
}

#[tokio::test]
async fn an_instance_that_leaves_keeps_no_connection_for_the_next_request() {
    let app = App::start().await;
    let readyz = format!("{}/readyz", app.instances[0].url);
    let client = reqwest::Client::new();
    let before = client.get(&readyz).send().await.expect("it answers");
    assert!(before.headers().get("connection").is_none());
    app.instances[0].signal(Signal::SIGTERM);
    let refused = eventually("not being ready", async || {
        let answer = client.get(&readyz).send().await.expect("for two seconds");
        (answer.status() == 503).then_some(answer)
    })
    .await;
    assert_eq!(refused.headers()["connection"], "close");
}
