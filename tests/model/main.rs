//! The service against a model of it: thousands of random operations by the people of several sites at once, on two
//! instances, one with everything in memory and one with next to nothing.
//!
//! A failure names its seed: `CAUSERIE_TEST_SEED=… cargo test --test model` does the same again.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

mod play;
mod site;

use play::{Plan, instances, play};
use support::workload::seeds;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_does_what_the_model_does() {
    let (operations, many) = match std::env::var_os("CAUSERIE_TEST_FULL") {
        Some(_) => (2500, 16),
        None => (1370, 8),
    };
    let plan = Plan {
        operations,
        tries: 24,
    };
    let began = std::time::Instant::now();
    match play(&instances("").await, &seeds(many), plan).await {
        Ok(figures) => println!("{figures}, {:.0} s", began.elapsed().as_secs_f64()),
        Err((failure, story)) => panic!("{story}\n{failure}"),
    }
}
