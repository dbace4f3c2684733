//! Readers that stop reading while many messages come: nobody else waits for them, and they cost next to nothing.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::connection::{ask, read_until};
use crate::figures::{alone, is_full, judge_speed, memory, percentile, sized};
use crate::frames::Frames;
use crate::support::{App, Instance, PATIENCE, Person};

const LIVELY: usize = 10;
const SENDERS: usize = 4;
/// What the kernel takes in for a reader who does not read. Every other byte is the service's affair.
const RECEIVE: u32 = 4_096;
/// Small, so that what grows is not the ring; a reader far behind goes on from Postgres.
const RING: &str = "ring={events=20000,bytes=1048576}";

/// Characters of each message; their bytes are twice that. Altogether more than the kernel takes in for a reader.
fn length() -> usize {
    if is_full() { 1_000 } else { 9_900 }
}

/// A lively reader: hears `number` messages, and says how long each took from its sender's first byte.
fn hear(person: &Person, since: &str, start: Instant, number: usize) -> JoinHandle<Vec<Duration>> {
    let path = format!("/v1/events/stream?since={since}");
    let request = person
        .request(reqwest::Method::GET, &path)
        .timeout(8 * PATIENCE);
    tokio::spawn(async move {
        let mut answer = request.send().await.expect("a stream");
        let (mut frames, mut took, mut last) = (Frames::default(), Vec::new(), 0);
        while took.len() < number {
            let bytes = timeout(PATIENCE, answer.chunk()).await.expect("heartbeats");
            let bytes = bytes.expect("readable").expect("it goes on");
            let now = start.elapsed();
            for frame in frames.push(&bytes) {
                if frame.event != "message.created" {
                    continue;
                }
                let event: Value = serde_json::from_str(&frame.data).expect("JSON");
                let message = &event["data"]["message"];
                let seq = message["seq"].as_u64().expect("a number");
                assert!(last == 0 || seq == last + 1, "{seq} after {last}");
                last = seq;
                let (sent, _) = message["content"]
                    .as_str()
                    .expect("text")
                    .split_once(' ')
                    .expect("a time");
                took.push(now - Duration::from_micros(sent.parse().expect("microseconds")));
            }
        }
        took
    })
}

async fn all_of(readers: Vec<JoinHandle<Vec<Duration>>>) -> Vec<Duration> {
    let heard = join_all(readers).await.into_iter();
    heard.flat_map(|took| took.expect("no panic")).collect()
}

/// A reader who opens a stream, and reads it no further than its beginning.
async fn stall(person: &Person) -> TcpStream {
    let path = format!("/v1/events/stream?since={}", person.cursor().await);
    let mut stream = ask(person, &path, Some(RECEIVE)).await;
    read_until(&mut stream, "event: unread").await;
    stream
}

/// All senders together say `number` messages, `rate` of them a second.
async fn say(people: &[Person], conversation: &str, start: Instant, rate: usize, number: usize) {
    let text = "é".repeat(length());
    let senders = people.iter().enumerate().map(async |(nth, person)| {
        let pause = Duration::from_secs_f64(people.len() as f64 / rate as f64);
        tokio::time::sleep(pause.mul_f64(nth as f64 / people.len() as f64)).await;
        let mut ticks = interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..number / people.len() {
            ticks.tick().await;
            let content = format!("{} {text}", start.elapsed().as_micros());
            person.say(conversation, &content).await.ok();
        }
    });
    join_all(senders).await;
}

/// How many bytes the kernel holds for these readers, on the service's side.
fn held_by_kernel(instance: &Instance, stalled: &[TcpStream]) -> usize {
    let port = |text: &str| u16::from_str_radix(text.rsplit(':').next()?, 16).ok();
    let here = instance
        .url
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let there: Vec<_> = stalled
        .iter()
        .map(|stream| stream.local_addr().expect("an address").port())
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let rows = table.lines().skip(1).filter_map(|line| {
        let columns: Vec<_> = line.split_whitespace().collect();
        let ours = port(columns[1]) == here && there.contains(&port(columns[2])?);
        let (waiting, _) = columns[4].split_once(':')?;
        ours.then(|| usize::from_str_radix(waiting, 16).ok())?
    });
    rows.sum()
}

/// A group of everybody, and what each of them is called.
async fn gather(app: &App, stalled: usize) -> (Vec<Person>, String) {
    let all: Vec<_> = (0..stalled + LIVELY + SENDERS)
        .map(|n| app.person(&format!("s{n}")))
        .collect();
    for person in &all {
        person.get("/v1/me").await.ok();
    }
    let ids: Vec<_> = all.iter().map(|person| &person.id).collect();
    let group = json!({ "type": "GROUP", "memberIds": ids });
    let group = all[0].post("/v1/conversations", &group).await.ok();
    (all, group["id"].as_str().expect("an id").to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stop_reading_hold_nobody_up_and_cost_little() {
    let _alone = alone().await;
    let (number, rate) = (sized(50), sized(200));
    let seconds = if is_full() { 30 } else { 15 };
    let app = App::with(1, RING).await;
    let instance = &app.instances[0];
    let (people, group) = gather(&app, number).await;
    let (senders, readers) = people.split_at(SENDERS);
    let (lively, stalled) = readers.split_at(LIVELY);
    let (start, messages) = (Instant::now(), rate * seconds);
    let listen = async |messages| -> Vec<_> {
        let since = lively[0].cursor().await;
        let all = lively
            .iter()
            .map(|person| hear(person, &since, start, messages));
        all.collect()
    };
    // What the first messages need is needed anyway.
    let warm = listen(messages / 3).await;
    say(senders, &group, start, rate, messages / 3).await;
    let alone = all_of(warm).await;
    let stalled = join_all(stalled.iter().map(stall)).await;
    let before = memory(instance);
    let heard = listen(messages).await;
    say(senders, &group, start, rate, messages).await;
    let took = all_of(heard).await;
    let grown = (memory(instance) - before).max(0);
    let (owed, held) = (
        messages * length() * 2,
        held_by_kernel(instance, &stalled) / number,
    );
    println!(
        "{number} readers that stop reading beside {rate} messages a second for {seconds} s: {} kB each (target 1,024 kB), \
         of {} kB that each is owed; the kernel holds {} kB for each",
        grown / number as i64,
        owed / 1024,
        held / 1024
    );
    println!(
        "the others' deliveries without them: p99 {:?}",
        percentile(&alone, 99)
    );
    judge_speed(
        "the others' deliveries: p99",
        percentile(&took, 99),
        Duration::from_millis(250),
    );
    assert!(
        held > 0 && held < owed / 4 * 3,
        "they do not stop reading: {held} of {owed}"
    );
    assert!(grown <= 1_024 * number as i64, "{grown} kB");
}
