//! Clients that are gone without a word: their places are given back, and their memory.

use std::time::{Duration, Instant};

use futures::future::join_all;
use tokio::net::TcpStream;

use crate::connection::{BlackHole, Vanishing, ask, read_until, vanish};
use crate::figures::{allow_descriptors, alone, descriptors, is_full, memory, sized};
use crate::support::{App, Instance, Person, eventually};

const STREAMS: &str = "causerie_streams_open";
const WAITS: &str = "causerie_waits_open";
/// As many of each kind as one person may have.
const EACH: usize = 10;
/// Of the long-polls, in seconds: they end then, whether anybody is there or not.
const WAIT: u64 = 10;
const CYCLES: usize = 5;

/// Seconds between two heartbeats: a stream whose client is gone is noticed when it is written to.
fn heartbeat() -> u64 {
    if is_full() { 15 } else { 3 }
}

/// Opens `number` streams and as many long-polls, and waits until the service says that they are.
async fn gather(instance: &Instance, base: &str, number: usize) -> Vec<TcpStream> {
    let people: Vec<_> = (0..number / EACH)
        .map(|n| Person::new(base, &format!("v{n}")))
        .collect();
    let streams = people.iter().map(async |person| {
        let cursor = person.cursor().await;
        let mut open = Vec::new();
        for _ in 0..EACH {
            let path = format!("/v1/events/stream?since={cursor}");
            let mut stream = ask(person, &path, None).await;
            read_until(&mut stream, "event: unread").await;
            open.push(stream);
        }
        (cursor, open)
    });
    let streams = join_all(streams).await;
    // All at once, or the first would be over before the last begins.
    let waits = people
        .iter()
        .zip(&streams)
        .map(async |(person, (cursor, _))| {
            let path = format!("/v1/events?since={cursor}&wait={WAIT}");
            join_all((0..EACH).map(|_| ask(person, &path, None))).await
        });
    let mut opened: Vec<_> = join_all(waits).await.into_iter().flatten().collect();
    opened.extend(streams.into_iter().flat_map(|(_, open)| open));
    for gauge in [STREAMS, WAITS] {
        eventually(gauge, async || {
            (instance.metric(gauge).await == number as f64).then_some(())
        })
        .await;
    }
    opened
}

/// How long after `gone` a gauge was at 0.
async fn back_at_zero(instance: &Instance, gauge: &str, gone: Instant) -> Duration {
    eventually(gauge, async || {
        (instance.metric(gauge).await == 0.0).then_some(())
    })
    .await;
    gone.elapsed()
}

#[tokio::test]
async fn places_and_memory_of_clients_that_vanish_are_given_back() {
    let _alone = alone().await;
    let number = sized(500);
    allow_descriptors(4 * number as u64 + 1_000);
    let app = App::with(1, &format!("heartbeat_secs={}", heartbeat())).await;
    let instance = &app.instances[0];
    let mut kilobytes = vec![memory(instance)];
    for cycle in 0..CYCLES {
        let how = [Vanishing::Reset, Vanishing::Close][cycle % 2];
        let open = gather(instance, &instance.url, number).await;
        let full = memory(instance);
        let gone = Instant::now();
        let kept = join_all(open.into_iter().map(|stream| vanish(stream, how))).await;
        let (streams, waits) = tokio::join!(
            back_at_zero(instance, STREAMS, gone),
            back_at_zero(instance, WAITS, gone)
        );
        drop(kept);
        kilobytes.push(memory(instance));
        println!(
            "{number} streams and {number} long-polls vanish ({how:?}): streams back after {streams:?} (target {} s), \
             long-polls after {waits:?} (target {} s); {full} kB with them, {} kB after",
            heartbeat() + 5,
            WAIT + 2,
            kilobytes[cycle + 1]
        );
        assert!(streams <= Duration::from_secs(heartbeat() + 5));
        assert!(waits <= Duration::from_secs(WAIT + 2));
    }
    eventually("the sockets are closed", async || {
        (descriptors(instance) < 100).then_some(())
    })
    .await;
    println!(
        "memory before, and after each cycle, in kB: {kilobytes:?} (target: after the last within 10 % of after the first two)"
    );
    // What the allocator keeps of the first crowds, one that vanished in each way, it keeps once: it is not given back to
    // the system. What grows with every further crowd is a leak.
    let (early, last) = (kilobytes[2], kilobytes[CYCLES]);
    assert!(last <= early + early / 10, "{kilobytes:?}");
}

#[tokio::test]
async fn behind_a_network_that_goes_black_places_last_as_long_as_their_streams_and_waits() {
    let _alone = alone().await;
    let number = sized(500);
    allow_descriptors(6 * number as u64 + 1_000);
    // TCP goes on acknowledging: nothing but a stream's own age can end it. 600 s as shipped, give or take a fifth.
    let age = 15;
    let app = App::with(1, &format!("heartbeat_secs=2,stream_secs={age}")).await;
    let instance = &app.instances[0];
    let hole = BlackHole::before(&instance.url).await;
    let open = gather(instance, &hole.url, number).await;
    hole.go_black();
    let gone = Instant::now();
    let waits = back_at_zero(instance, WAITS, gone).await;
    let streams_then = instance.metric(STREAMS).await;
    let streams = back_at_zero(instance, STREAMS, gone).await;
    let sockets = descriptors(instance);
    println!(
        "{number} streams and {number} long-polls behind a network that goes black: long-polls back after {waits:?} \
         (target {} s), {streams_then} streams still open then, none after {streams:?} (their age is {age} s ± 20 %); \
         {sockets} descriptors are left",
        WAIT + 2
    );
    assert!(waits <= Duration::from_secs(WAIT + 2));
    assert!(streams <= Duration::from_secs(age + age / 5 + 2));
    drop(open);
}
