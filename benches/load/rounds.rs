//! Many connections at once for a short while, again and again, one candidate after the other: what disturbs the machine
//! disturbs them all, and the median of the rounds is taken.

use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::client::{Ask, Connection};
use super::process::{self, Postgres};

/// Connections that ask at once.
pub const CONNECTIONS: usize = 64;

/// The request of one connection, by its number and how many it has made.
pub type Requests = Rc<dyn Fn(usize, usize) -> Ask>;

/// Something that answers.
#[derive(Clone)]
pub struct Server {
    pub url: String,
    pub pid: i32,
    pub postgres: Option<Postgres>,
}

/// What is measured: who is asked, and what.
pub struct Candidate {
    pub name: &'static str,
    pub server: Server,
    pub requests: Requests,
}

/// One round, or the median of several.
#[derive(Clone, Copy)]
pub struct Cost {
    /// Answers per second.
    pub rate: f64,
    /// CPU per answer of the server, and of its Postgres, in microseconds.
    pub server: f64,
    pub postgres: f64,
}

impl Cost {
    pub fn cpu(self) -> f64 {
        self.server + self.postgres
    }

    pub fn median(rounds: &[Self]) -> Self {
        let of = |value: fn(&Self) -> f64| median(rounds.iter().map(value).collect());
        Self {
            rate: of(|cost| cost.rate),
            server: of(|cost| cost.server),
            postgres: of(|cost| cost.postgres),
        }
    }
}

/// How long and how often.
#[derive(Clone, Copy)]
pub struct Plan {
    pub rounds: usize,
    pub round: Duration,
    /// 5 million messages instead of some.
    pub is_full: bool,
}

/// The medians of all candidates, in their order.
pub async fn interleaved(plan: Plan, candidates: &[Candidate]) -> Vec<Cost> {
    let mut rounds = vec![Vec::new(); candidates.len()];
    for _ in 0..plan.rounds {
        for (rounds, candidate) in rounds.iter_mut().zip(candidates) {
            rounds.push(round(plan.round, candidate).await);
        }
    }
    let medians: Vec<_> = rounds.iter().map(|rounds| Cost::median(rounds)).collect();
    for (candidate, cost) in candidates.iter().zip(&medians) {
        eprintln!(
            "    {:40} {:8.0}/s  {:7.1} µs of its own, {:7.1} µs of Postgres",
            candidate.name, cost.rate, cost.server, cost.postgres
        );
    }
    medians
}

async fn round(length: Duration, candidate: &Candidate) -> Cost {
    let Candidate {
        server, requests, ..
    } = candidate;
    let open = (0..CONNECTIONS).map(async |n| {
        let mut connection = Connection::open(&server.url).await;
        // Feeds and plans are made by the first request, which is not counted.
        connection.ask(&requests(n, usize::MAX)).await;
        connection
    });
    let connections = join_all(open).await;
    let meter = Meter::start(server);
    let end = Instant::now() + length;
    let answers = connections.into_iter().enumerate().map(async |(n, mut c)| {
        let mut answers = 0;
        while Instant::now() < end {
            c.ask(&requests(n, answers)).await;
            answers += 1;
        }
        answers
    });
    let answers: usize = join_all(answers).await.into_iter().sum();
    meter.stop(answers)
}

/// Time and CPU from a moment on.
pub struct Meter<'s> {
    server: &'s Server,
    began: Instant,
    of_server: f64,
    of_postgres: f64,
}

impl<'s> Meter<'s> {
    pub fn start(server: &'s Server) -> Self {
        Self {
            server,
            of_server: process::cpu(server.pid),
            of_postgres: server.postgres.map_or(0.0, Postgres::cpu),
            began: Instant::now(),
        }
    }

    pub fn stop(self, operations: usize) -> Cost {
        let each = operations as f64;
        let postgres = self.server.postgres.map_or(0.0, Postgres::cpu);
        Cost {
            rate: each / self.began.elapsed().as_secs_f64(),
            server: (process::cpu(self.server.pid) - self.of_server) * 1e6 / each,
            postgres: (postgres - self.of_postgres) * 1e6 / each,
        }
    }
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(values, 0.5)
}

pub fn quantile(mut values: Vec<f64>, share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len() - 1;
    values[(last as f64 * share).round() as usize]
}
