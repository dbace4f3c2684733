//! Two instances on one database: what one takes, the other hands out, told by NOTIFY or found by the sweep.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::sse::Sse;
use crate::support::{App, Database, Instance, PATIENCE, Person, eventually};

/// How long a message takes to a long-poll that waits at `there`.
async fn time_across(from: &Person, to: &Person, there: &Instance, conversation: &str) -> Duration {
    let waiting = to.at(&there.url);
    let cursor = waiting.cursor().await;
    let poll = tokio::spawn(async move {
        let page = waiting.poll(&cursor, "&wait=50").await.ok();
        (Instant::now(), page)
    });
    eventually("the poll waits", async || {
        (there.metric("causerie_waits_open").await == 1.0).then_some(())
    })
    .await;
    let sent = Instant::now();
    from.say(conversation, "across").await.ok();
    let (at, page) = poll.await.expect("no panic");
    assert_eq!(page["events"][0]["data"]["message"]["content"], "across");
    at - sent
}

/// What `/readyz` says, which answers 200.
async fn readiness(instance: &Instance) -> Value {
    let answer = reqwest::get(format!("{}/readyz", instance.url)).await;
    let answer = answer.expect("an answer").error_for_status();
    let body = answer.expect("ready").json::<Value>().await;
    body.expect("JSON")["status"].take()
}

#[tokio::test]
async fn a_message_is_told_to_the_other_instance_long_before_its_sweep() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for instance in &app.instances {
        eventually("an instance that hears", async || {
            (readiness(instance).await == "ok").then_some(())
        })
        .await;
    }
    let mut times = Vec::new();
    for _ in 0..11 {
        times.push(time_across(&alice, &bob, &app.instances[1], &conversation).await);
    }
    times.sort();
    println!(
        "from POST to the other instance's long-poll: {:?} to {:?}",
        times[0], times[10]
    );
    assert!(times[5] < Duration::from_millis(250), "{times:?}");
}

#[tokio::test]
async fn an_instance_that_hears_nothing_finds_everything_within_seconds_and_says_so() {
    // Without receipts: what has arrived would have the instance write, and look, by itself.
    let settings = "tenant={receipts=false}";
    let mut app = App::with(1, settings).await;
    // It listens at a database where nobody speaks.
    let silent = Database::create().await;
    let listen = ("CAUSERIE_LISTEN_URL", silent.url.as_str());
    app.add(settings, &[listen]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let deaf = &app.instances[1];
    eventually("a degraded instance", async || {
        let twice = deaf.metric("causerie_listener_reconnects_total").await >= 2.0;
        (twice && readiness(deaf).await == "degraded").then_some(())
    })
    .await;
    let swept = async || deaf.metric("causerie_events_found_by_sweep_total").await;
    let before = swept().await;
    let mut times = Vec::new();
    // A listener that is set up anew makes the instance look as well; some are left for the sweep.
    while times.len() < 5 || swept().await < before + 3.0 {
        assert!(times.len() < 40, "the sweep finds nothing: {times:?}");
        times.push(time_across(&alice, &bob, deaf, &conversation).await);
    }
    let slowest = times.iter().max().expect("some");
    println!(
        "{} messages found without a word, the slowest after {slowest:?}",
        times.len()
    );
    assert!(*slowest < Duration::from_millis(2_500), "{times:?}");
    assert_eq!(readiness(deaf).await, "degraded");
    eventually("the other one", async || {
        (readiness(&app.instances[0]).await == "ok").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_reader_may_change_transport_and_instance_at_any_moment() {
    const EACH: usize = 100;
    let app = App::with(2, "ring={events=64}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let mut cursor = bob.cursor().await;
    let mut writers = Vec::new();
    for (person, instance) in [(&alice, 0), (&alice, 1), (&bob, 1)] {
        let person = person.at(&app.instances[instance].url);
        let conversation = conversation.clone();
        writers.push(tokio::spawn(async move {
            for n in 0..EACH {
                person.say(&conversation, &n.to_string()).await.ok();
            }
        }));
    }
    let (mut seqs, mut hops) = (Vec::new(), 0);
    let started = Instant::now();
    while seqs.len() < 3 * EACH {
        assert!(
            started.elapsed() < PATIENCE,
            "{} after {hops} hops",
            seqs.len()
        );
        let there = bob.at(&app.instances[hops % 2].url);
        let events = match hops % 3 {
            0 => events_of(there.poll(&cursor, "&limit=3").await.ok()),
            1 => events_of(there.poll(&cursor, "&wait=1&limit=7").await.ok()),
            _ => {
                let mut stream = Sse::open(&there, &format!("?since={cursor}")).await;
                let hello = stream.until("hello").await;
                assert_eq!(hello.id.as_deref(), Some(cursor.as_str()));
                let left = 3 * EACH - seqs.len();
                let frames = stream.events(left.min(5)).await;
                frames.into_iter().map(|frame| frame.data).collect()
            }
        };
        for event in events {
            cursor = event["cursor"].as_str().expect("a cursor").to_owned();
            seqs.extend(event["data"]["message"]["seq"].as_u64());
        }
        hops += 1;
    }
    println!("{} messages over {hops} hops", seqs.len());
    assert_eq!(seqs, (1..=3 * EACH as u64).collect::<Vec<_>>());
    for writer in writers {
        writer.await.expect("no panic");
    }
}

fn events_of(mut page: Value) -> Vec<Value> {
    match page["events"].take() {
        Value::Array(events) => events,
        other => panic!("{other}"),
    }
}
