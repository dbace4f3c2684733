//! Streams whose clients read late, or much: a slow reader has a cursor, not a queue.

use std::time::Instant;

use futures::future::join_all;

use crate::sse::Sse;
use crate::support::{App, Instance, Person, eventually};

/// Resident memory of a process in kB.
fn memory(instance: &Instance) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid()));
    let status = status.expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.expect("VmRSS in kB").parse().expect("a number")
}

/// `number` messages of 10,000 characters, the first of which tell them apart.
pub async fn say_much(person: &Person, conversation: &str, number: usize) {
    let all: Vec<_> = (0..number).collect();
    for some in all.chunks(50) {
        let sends = some.iter().map(|n| {
            let text = format!("{n} {}", "é".repeat(9_990));
            async move { person.say(conversation, &text).await.ok() }
        });
        join_all(sends).await;
    }
}

/// Reads this many messages, and checks that their numbers in the conversation leave nothing out.
async fn hear(stream: &mut Sse, number: usize) {
    let events = stream.events(number).await;
    for (n, event) in events.iter().enumerate() {
        let message = &event.data["data"]["message"];
        assert_eq!(message["seq"], n as u64 + 1, "{}", event.event);
        let text = message["content"].as_str().expect("text");
        assert!(text.ends_with(&"é".repeat(9_990)));
    }
}

#[tokio::test]
async fn large_messages_flow_through_whole() {
    let mut app = App::start().await;
    app.add("ring={events=16}", &[]).await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let cursor = bob.cursor().await;
    let mut stream = Sse::open(&bob, &format!("?since={cursor}")).await;
    tokio::join!(say_much(&alice, &conversation, 200), hear(&mut stream, 200));
    // The same from memory and from Postgres.
    for instance in &app.instances {
        let bob = bob.at(&instance.url);
        let mut late = Sse::open(&bob, &format!("?since={cursor}")).await;
        hear(&mut late, 200).await;
        assert_eq!(in_pages(&bob, &cursor).await, 200);
    }
}

/// Polls for everything, in pages that are cut to what one answer should carry. Gives how many events there were.
async fn in_pages(person: &Person, since: &str) -> usize {
    let (mut cursor, mut events) = (since.to_owned(), 0);
    loop {
        let page = person.poll(&cursor, "").await;
        assert!(page.text.len() < 600_000, "{} bytes", page.text.len());
        cursor = page.cursor();
        events += page.body["events"].as_array().map_or(0, Vec::len);
        if page.ok()["hasMore"] == false {
            return events;
        }
    }
}

#[tokio::test]
async fn a_reader_that_pauses_costs_no_memory_and_gets_everything_afterwards() {
    // More than the buffers of a few sockets hold; the ring is too small to be what grows.
    const MESSAGES: usize = 800;
    let app = App::with(1, "ring={events=20000,bytes=262144}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let since = format!("?since={}", bob.cursor().await);
    // What the first messages need is needed anyway.
    let (alice2, bob2) = (app.person("carol"), app.person("dave"));
    bob2.get("/v1/me").await.ok();
    let other = alice2.converse_with("dave").await;
    say_much(&alice2, &other, 100).await;
    let mut paused = Vec::new();
    for _ in 0..3 {
        let mut stream = Sse::open(&bob, &since).await;
        stream.until("hello").await;
        paused.push(stream);
    }
    let mut lively = Sse::open(&bob, &since).await;
    let before = memory(&app.instances[0]);
    tokio::join!(
        say_much(&alice, &conversation, MESSAGES),
        hear(&mut lively, MESSAGES)
    );
    let grown = memory(&app.instances[0]) - before;
    println!("{MESSAGES} large messages past 3 readers that pause: {grown} kB");
    // As queues they would be 3 × 16 MB.
    assert!(grown < 12_000, "{grown} kB");
    join_all(paused.iter_mut().map(|stream| hear(stream, MESSAGES))).await;
}

#[tokio::test]
async fn a_reader_who_is_behind_at_the_end_of_its_token_gets_no_more() {
    const MESSAGES: usize = 800;
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let since = bob.cursor().await;
    say_much(&alice, &conversation, MESSAGES).await;
    let end = Instant::now() + std::time::Duration::from_secs(4);
    let bob = Person::with(&app.instances[0].url, "bob", |claims| {
        claims.exp = chrono::Utc::now().timestamp() - causerie::auth::LEEWAY_SECS + 4;
    });
    let mut stream = Sse::open(&bob, &format!("?since={since}")).await;
    stream.until("hello").await;
    eventually("the end of the token", async || {
        (Instant::now() > end && bob.get("/v1/me").await.status == 401).then_some(())
    })
    .await;
    let frames = stream.rest().await;
    let goodbye = frames.last().expect("a last word");
    assert_eq!(goodbye.data["reason"], "token-expired", "{}", goodbye.event);
    // What was written before is in the sockets' buffers; the rest was never read.
    assert!(frames.len() < MESSAGES, "{}", frames.len());
}
