//! What the service is worth, as ratios within one run: `script/bench`, or `cargo bench`. Client, service, denominators and
//! Postgres share the machine, so the CPU that an operation took is told beside each rate.
//!
//! `[--full] [--seconds N] [filter…]`: 5 million messages instead of 500,000; longer rounds, for a profiler; only the rows
//! whose name holds a filter.

#[path = "../../tests/support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests; the benchmark uses a part"
)]
mod support;

mod client;
mod fanout;
mod group;
mod idle;
mod latency;
mod memory;
mod pages;
mod process;
mod readers;
mod rounds;
mod seed;
mod sends;
mod servers;
mod table;
mod tables;

use std::time::Duration;

use clap::Parser;
use rounds::Plan;
use table::Line;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Cli {
    /// 5 million messages in the large table.
    #[arg(long)]
    full: bool,
    /// How long a round is.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// How often each is measured; the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// What `cargo bench` says to everything it runs.
    #[arg(long, hide = true)]
    bench: bool,
    /// Only rows whose name holds one of these.
    filters: Vec<String>,
}

const ROWS: [&str; 8] = [
    "idle", "sends", "latency", "fanout", "memory", "pages", "tables", "group",
];

fn main() {
    let cli = Cli::parse();
    assert!(
        std::env::var_os("DATABASE_URL").is_none(),
        "unset DATABASE_URL: some rows alter settings of the server, so the benchmark starts one of its own"
    );
    let wanted = |row: &str| {
        cli.filters.is_empty() || cli.filters.iter().any(|filter| row.contains(&**filter))
    };
    let rows: Vec<_> = ROWS.into_iter().filter(|row| wanted(row)).collect();
    assert!(!rows.is_empty(), "no row has such a name: {ROWS:?}");
    let plan = Plan {
        rounds: cli.rounds,
        round: Duration::from_secs(cli.seconds),
        is_full: cli.full,
    };
    // One thread for the client: the rest of the machine is for what is measured.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let mut terminated = signal(SignalKind::terminate()).expect("a handler");
        // Either way what was started is dropped here, and ends with it.
        tokio::select! {
            () = run(&rows, plan) => {}
            _ = tokio::signal::ctrl_c() => std::process::exit(130),
            _ = terminated.recv() => std::process::exit(143),
        }
    });
}

async fn run(rows: &[&str], plan: Plan) {
    let mut lines = Vec::new();
    for (n, row) in rows.iter().enumerate() {
        eprintln!("==> {row} ({} of {})", n + 1, rows.len());
        lines.extend(measure(row, plan).await);
    }
    table::print(&lines, if plan.is_full { ", --full" } else { "" }).await;
}

async fn measure(row: &str, plan: Plan) -> Vec<Line> {
    match row {
        "idle" => idle::measure(plan).await,
        "sends" => sends::measure(plan).await,
        "latency" => latency::measure(plan).await,
        "fanout" => fanout::measure(plan).await,
        "memory" => memory::measure().await,
        "pages" => pages::measure(plan).await,
        "tables" => tables::measure(plan).await,
        "group" => group::measure(plan).await,
        _ => unreachable!("one of ROWS"),
    }
}
