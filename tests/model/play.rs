//! Several seeds at once, each a site of its own on the same two instances; what fails is shrunk, within bounds.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use crate::site::{Failure, Figures, Op, Sequence, run};
use crate::support::App;

/// How much is tried.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Operations of each seed.
    pub operations: usize,
    /// Further runs that look for a shorter one of those that fail.
    pub tries: u32,
}

/// A failure, and how it came about.
pub type Told = (Failure, String);

/// Two instances on one database with this fault planted: one with everything in memory, one with next to nothing.
pub async fn instances(fault: &str) -> App {
    let mut app = App::with(0, "").await;
    let quiet: Vec<String> = (0..400)
        .map(|n| format!("quiet-{n}={{notices=false,receipts=false}}"))
        .collect();
    let tenants = format!("tenants={{{}}}", quiet.join(","));
    for ring in ["ring={events=200000}", "ring={events=16}"] {
        let settings = format!("{ring},{tenants}");
        app.add(&settings, &[("CAUSERIE_FAULT", fault)]).await;
    }
    app
}

/// All seeds of a plan. The first failure ends it.
pub async fn play(app: &App, seeds: &[u64], plan: Plan) -> Result<Figures, Told> {
    let urls: Arc<Vec<String>> = Arc::new(app.instances.iter().map(|i| i.url.clone()).collect());
    let has_failed = Arc::new(AtomicBool::new(false));
    let (mut sites, mut all) = (JoinSet::new(), Figures::default());
    // More at once than there are cores: they wait for each other's commits. Not all: each has its own connections.
    let mut waiting = seeds.iter().copied();
    let mut result = Ok(());
    loop {
        while sites.len() < 8
            && !has_failed.load(Ordering::Relaxed)
            && let Some(seed) = waiting.next()
        {
            let (urls, has_failed, handle) = (urls.clone(), has_failed.clone(), Handle::current());
            sites.spawn_blocking(move || one_seed(&handle, &urls, seed, plan, &has_failed));
        }
        let Some(ended) = sites.join_next().await else {
            break;
        };
        match ended.expect("a site does not panic") {
            Ok(figures) => all += figures,
            Err(failure) if result.is_ok() => result = Err(failure),
            Err(_) => {}
        }
    }
    result.map(|()| all)
}

/// One seed, and shorter sequences of it when it fails: the first failure alone.
fn one_seed(
    handle: &Handle,
    urls: &[String],
    seed: u64,
    plan: Plan,
    has_failed: &AtomicBool,
) -> Result<Figures, Told> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 1,
        max_shrink_iters: plan.tries,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let is_quiet = seed % 4 == 3;
    // Of the newest run that failed: the shortest.
    let last: Mutex<Option<(Failure, Vec<String>)>> = Mutex::default();
    let (figures, has_given_up) = (Mutex::new(Figures::default()), Cell::new(false));
    let result = runner.run(&Sequence(plan.operations), |ops: Vec<Op>| {
        if has_given_up.get() {
            return Ok(());
        }
        let mut trace = Vec::new();
        match handle.block_on(run(urls, is_quiet, &ops, &mut trace)) {
            Ok(found) => {
                *figures.lock().expect("nobody panics with it") += found;
                Ok(())
            }
            Err(failure) => {
                let mut last = last.lock().expect("nobody panics with it");
                if last.is_none() {
                    // At once, for whoever has not the patience for a shorter one.
                    eprintln!(
                        "seed {seed} failed after {} operations: {failure}",
                        trace.len()
                    );
                }
                if last.is_none() && has_failed.swap(true, Ordering::Relaxed) {
                    // Another seed is being shrunk already.
                    has_given_up.set(true);
                }
                let reason = failure.to_string();
                *last = Some((failure, trace));
                Err(TestCaseError::fail(reason))
            }
        }
    });
    let last = last.into_inner().expect("nobody panics with it");
    match (result, last) {
        (Err(TestError::Fail(..)), Some((failure, trace))) => Err((failure, story(seed, &trace))),
        (Err(error), _) => panic!("seed {seed}: {error}"),
        _ => Ok(figures.into_inner().expect("nobody panics with it")),
    }
}

fn story(seed: u64, trace: &[String]) -> String {
    let newest = trace.len().saturating_sub(60);
    format!(
        "CAUSERIE_TEST_SEED={seed}: it fails after these {} operations, of which the last are\n{}",
        trace.len(),
        trace[newest..].join("\n")
    )
}
