//! 5,000 open pages that poll every 3 s, each on a connection that it keeps, spread evenly: how long an answer takes, and
//! how much of a core they need.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::{Ask, Connection};
use super::idle::Idle;
use super::process;
use super::rounds::{Plan, median, quantile};
use super::seed::{self, Shape};
use super::servers;
use super::table::{Line, Target, three_digits};

const PAGES: usize = 5000;
const RHYTHM: Duration = Duration::from_secs(3);

/// Milliseconds that each answer took.
type Times = Arc<Mutex<Vec<f64>>>;

pub async fn measure(plan: Plan) -> Vec<Line> {
    let app = servers::service(&Shape::pairs(PAGES as i64), 1).await;
    let server = servers::server(&app, 0).await;
    let mut pages = Vec::new();
    for c in 1..=PAGES {
        let mut connection = Connection::open(&server.url).await;
        let idle = Idle::of(&mut connection, &seed::token(c, 1)).await;
        pages.push((connection, idle.conditional()));
    }
    let times = Times::default();
    let mut polling = JoinSet::new();
    let start = Instant::now() + Duration::from_secs(1);
    for (n, (connection, ask)) in pages.into_iter().enumerate() {
        let first = start + RHYTHM.mul_f64(n as f64 / PAGES as f64);
        polling.spawn(poll(connection, ask, first, times.clone()));
    }
    sleep_until(start + RHYTHM).await;
    let (mut p50s, mut p99s, mut shares) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        times.lock().expect("nobody panics with it").clear();
        let (began, before) = (Instant::now(), process::cpu(server.pid));
        tokio::time::sleep(2 * RHYTHM).await;
        shares.push((process::cpu(server.pid) - before) / began.elapsed().as_secs_f64());
        let seen = std::mem::take(&mut *times.lock().expect("nobody panics with it"));
        // Fewer would mean that the client could not keep the rhythm, and then this measures the client.
        assert!(seen.len() > 2 * PAGES * 9 / 10, "only {} polls", seen.len());
        p50s.push(median(seen.clone()));
        p99s.push(quantile(seen, 0.99));
    }
    let per_poll = median(shares.clone()) * RHYTHM.as_secs_f64() * 1e6 / PAGES as f64;
    vec![
        Line::new(
            "5,000 pages polling every 3 s: p99",
            median(p99s),
            " ms",
            Target::AtMost(5.0, 3.0),
        )
        .seen(format!("p50 {} ms", three_digits(median(p50s)))),
        Line::new(
            "their share of one core",
            median(shares),
            "",
            Target::AtMost(0.25, 0.15),
        )
        .cpu(format!("{per_poll:.0} µs")),
    ]
}

async fn poll(mut connection: Connection, ask: Ask, first: Instant, times: Times) {
    let mut next = first;
    loop {
        sleep_until(next).await;
        next += RHYTHM;
        let asked = Instant::now();
        connection.ask(&ask).await;
        let took = asked.elapsed().as_secs_f64() * 1000.0;
        times.lock().expect("nobody panics with it").push(took);
    }
}
