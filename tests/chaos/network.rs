//! Networks that delay, cut and swallow: between the service and Postgres, and between clients and the service.

use std::time::{Duration, Instant};

use futures::future::join_all;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use crate::report::Clients;
use crate::stage::{Stage, Stand};
use crate::support::proxy::{Fault, Proxy};
use crate::support::workload;

/// What can go wrong, in the order in which it is counted.
#[derive(Clone, Copy)]
enum Kind {
    Delay,
    Cut,
    Hole,
    Refusal,
}

const KINDS: [Kind; 4] = [Kind::Delay, Kind::Cut, Kind::Hole, Kind::Refusal];

/// The next thing to go wrong, and for how long.
fn fault(kind: Kind, rng: &mut StdRng) -> (Fault, Duration) {
    let mut ms = |from: u64, to: u64| Duration::from_millis(rng.random_range(from..to));
    let (short, long, delay) = (ms(300, 1500), ms(300, 7000), ms(1, 60));
    // Small ones cut a connection before it is set up, large ones in the middle of an answer.
    let bytes = 2_f64.powf(rng.random_range(0.0..15.0)) as usize;
    match kind {
        Kind::Delay => (Fault::Delay(delay), short),
        Kind::Cut => (Fault::CutAfter(bytes), short),
        Kind::Hole => (Fault::BlackHole, long),
        Kind::Refusal => (Fault::Refuse, short),
    }
}

/// One network: everything that can go wrong in turn, with moments of peace. Gives how often each kind came.
async fn break_one(proxy: &Proxy, mut rng: StdRng, duration: Duration) -> [usize; 4] {
    let (began, mut counts, mut kinds) = (Instant::now(), [0; 4], KINDS);
    while began.elapsed() < duration {
        kinds.shuffle(&mut rng);
        for kind in kinds {
            let (fault, lasts) = fault(kind, &mut rng);
            proxy.set(fault);
            counts[kind as usize] += 1;
            tokio::time::sleep(lasts).await;
            proxy.set(Fault::None);
            tokio::time::sleep(Duration::from_millis(rng.random_range(0..1000))).await;
        }
    }
    counts
}

/// Breaks the networks of both instances, each by itself, and then waits for the service.
async fn break_all(stage: &mut Stage, side: impl Fn(&Stand) -> &Proxy) {
    let mut networks = Vec::new();
    for stand in &stage.stands {
        let rng = StdRng::from_rng(&mut stage.rng);
        networks.push(break_one(side(stand), rng, stage.duration()));
    }
    let counts = join_all(networks).await;
    stage.recover(Instant::now()).await;
    let [delays, cuts, holes, refusals] = KINDS.map(|kind| {
        counts
            .iter()
            .map(|counts| counts[kind as usize])
            .sum::<usize>()
    });
    let cut: usize = stage.stands.iter().map(|stand| side(stand).cuts()).sum();
    assert!(cut > 0, "no connection was cut");
    stage.note(format!(
        "delayed {delays} times, cut at byte N {cuts} times ({cut} connections), swallowed {holes} times, refused {refusals} times"
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_between_the_service_and_postgres_breaks() {
    let mut stage =
        Stage::set("delays, cuts and black holes between the service and Postgres").await;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        break_all(&mut stage, |stand| &stand.base).await;
    })
    .await;
    stage.judge(&history, Clients::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_network_between_clients_and_the_service_breaks() {
    let mut stage =
        Stage::set("delays, cuts and black holes between clients and the service").await;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        break_all(&mut stage, |stand| &stand.door).await;
    })
    .await;
    stage.judge(&history, Clients::CutOff).await;
}
