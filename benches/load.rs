//! A first measure of the service as it ships: `cargo bench`. Client and server share the machine, so read ratios, not
//! rates. Each row is the median of three rounds, the rows interleaved.

#[path = "../tests/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests; the benchmark uses a part"
)]
mod support;

use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::json;
use support::{App, Person};

const CONNECTIONS: usize = 64;
const ROUND: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(run());
}

/// What is measured: a name, and how to ask once.
type Row<'r> = (&'static str, Box<dyn Fn() -> RequestBuilder + 'r>);

async fn run() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let base = &app.instances[0].url;
    let client = Client::new();
    let get = |path: &str| client.get(format!("{base}{path}")).bearer_auth(&bob.token);
    let page = bob.get("/v1/events").await;
    let idle = format!("/v1/events?since={}", page.cursor());
    let etag = page.header("etag").unwrap_or_default();
    let send = format!("{base}/v1/conversations/{conversation}/messages");
    let rows: Vec<Row<'_>> = vec![
        ("a constant answer", Box::new(|| get("/healthz"))),
        ("one SELECT (/v1/me)", Box::new(|| get("/v1/me"))),
        (
            "idle poll, 304",
            Box::new(|| get(&idle).header("If-None-Match", etag)),
        ),
        ("idle poll, 200", Box::new(|| get(&idle))),
    ];
    let mut rates = vec![Vec::new(); rows.len()];
    for _ in 0..ROUNDS {
        for (rates, (_, request)) in rates.iter_mut().zip(&rows) {
            rates.push(rate(request).await);
        }
    }
    // Apart from the polls, which would no longer be idle.
    let post = || {
        let post = client.post(&send).bearer_auth(&alice.token);
        post.json(&json!({ "content": "Bonjour" }))
    };
    let mut sends = Vec::new();
    for _ in 0..ROUNDS {
        sends.push(rate(&post).await);
    }
    let names = rows
        .iter()
        .map(|(name, _)| *name)
        .chain(["send, committed"]);
    rates.push(sends);
    println!("{CONNECTIONS} connections, per second, and against the first row:");
    let first = median(&mut rates[0]);
    for (name, rates) in names.zip(&mut rates) {
        let rate = median(rates);
        println!("{name:24} {rate:8.0} {:6.2}", rate / first);
    }
    let wait = latency(&alice, &bob, &conversation).await;
    println!("send to the other's waiting long-poll, median: {wait:.2} ms");
}

/// Answers per second over one round.
async fn rate(request: &dyn Fn() -> RequestBuilder) -> f64 {
    let end = Instant::now() + ROUND;
    let workers: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let request = request();
            tokio::spawn(async move {
                let mut answers = 0;
                while Instant::now() < end {
                    let again = request.try_clone().expect("no stream in it");
                    let answer = again.send().await.expect("the service answers");
                    assert!(answer.status().as_u16() < 400, "{}", answer.status());
                    answer.bytes().await.expect("a whole answer");
                    answers += 1;
                }
                answers
            })
        })
        .collect();
    let mut answers = 0;
    for worker in workers {
        answers += worker.await.expect("no panic");
    }
    f64::from(answers) / ROUND.as_secs_f64()
}

/// From the moment of sending to the other's answer, in milliseconds.
async fn latency(alice: &Person, bob: &Person, conversation: &str) -> f64 {
    let mut cursor = bob.cursor().await;
    let mut times = Vec::new();
    for _ in 0..100 {
        let (reader, since) = (bob.clone(), cursor.clone());
        let waiting =
            tokio::spawn(async move { (reader.poll(&since, "&wait=30").await, Instant::now()) });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let sent = Instant::now();
        alice.say(conversation, "Bonjour").await.ok();
        let (page, arrived) = waiting.await.expect("no panic");
        times.push((arrived - sent).as_secs_f64() * 1000.0);
        cursor = page.cursor();
    }
    median(&mut times)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
