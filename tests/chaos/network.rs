//! Networks that delay, cut and swallow: between the service and Postgres, and between clients and the service.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use crate::report::Clients;
use crate::stage::{Stage, Stand};
use crate::support::proxy::{Fault, Proxy};
use crate::support::workload;

/// The next thing to go wrong, and for how long.
fn any_fault(rng: &mut StdRng, longest_cut: usize) -> (Fault, Duration) {
    let mut ms = |from: u64, to: u64| Duration::from_millis(rng.random_range(from..to));
    let (short, long, delay) = (ms(300, 1500), ms(500, 7000), ms(1, 60));
    match rng.random_range(0..10) {
        0..3 => (Fault::Delay(delay), short),
        // Small ones cut a connection before it is set up, large ones in the middle of an answer.
        3..7 => (Fault::CutAfter(rng.random_range(1..longest_cut)), short),
        7..9 => (Fault::BlackHole, long),
        _ => (Fault::Refuse, short),
    }
}

/// Breaks one connection after the other, each instance's by itself, with moments of peace.
async fn disturb(stage: &mut Stage, side: impl Fn(&Stand) -> &Proxy, longest_cut: usize) -> String {
    let began = Instant::now();
    let mut faults = [0; 4];
    while began.elapsed() < stage.duration() {
        let which = stage.rng.random_range(0..stage.stands.len());
        let (fault, lasts) = any_fault(&mut stage.rng, longest_cut);
        faults[match fault {
            Fault::Delay(_) => 0,
            Fault::CutAfter(_) => 1,
            Fault::BlackHole => 2,
            _ => 3,
        }] += 1;
        side(&stage.stands[which]).set(fault);
        tokio::time::sleep(lasts).await;
        side(&stage.stands[which]).set(Fault::None);
        let peace = Duration::from_millis(stage.rng.random_range(0..1000));
        tokio::time::sleep(peace).await;
    }
    let [delays, cuts, holes, refusals] = faults;
    let cut: usize = stage.stands.iter().map(|stand| side(stand).cuts()).sum();
    stage.recover(Instant::now()).await;
    format!(
        "{delays} times delayed, {cuts} times cut at byte N ({cut} connections), {holes} black holes, {refusals} times refused"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_between_the_service_and_postgres_breaks() {
    let mut stage =
        Stage::set("delays, cuts and black holes between the service and Postgres").await;
    let mut done = String::new();
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        done = disturb(&mut stage, |stand| &stand.base, 60_000).await;
    })
    .await;
    stage.note(done);
    stage.judge(&history, Clients::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_between_clients_and_the_service_breaks() {
    let mut stage =
        Stage::set("delays, cuts and black holes between clients and the service").await;
    let mut done = String::new();
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        done = disturb(&mut stage, |stand| &stand.door, 8_000).await;
    })
    .await;
    stage.note(done);
    stage.judge(&history, Clients::CutOff).await;
}
