//! The history checker and the model against a service that is wrong on purpose: each planted fault must be found, and
//! nothing where none is planted. `cargo test --features planted-faults --test faults`.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

#[path = "../model/play.rs"]
mod play;
#[path = "../model/site/mod.rs"]
mod site;

mod mutants;

use support::history::{Kind, Verdict};
use support::workload::{self, Plan};
use support::{App, PATIENCE};

const SEEDS: u64 = 10;

/// Two instances on one database, with the same fault, for all seeds: each seed brings its own people.
async fn two_instances(fault: &str) -> App {
    let mut app = App::with(0, "").await;
    for _ in 0..2 {
        // Without notices: the long run is with them.
        let settings = "heartbeat_secs=1,tenant={notices=false}";
        app.add(settings, &[("CAUSERIE_FAULT", fault)]).await;
    }
    app
}

/// Runs the same workload with each seed and judges it. `change` is made to each plan.
async fn judge_each(
    fault: &str,
    change: impl Fn(&mut Plan),
    judge: impl Fn(&Verdict) -> Result<(), &'static str>,
) {
    let app = two_instances(fault).await;
    let urls: Vec<_> = app.instances.iter().map(|i| i.url.clone()).collect();
    for seed in workload::seeds(SEEDS) {
        let mut plan = Plan::short(seed);
        change(&mut plan);
        let history = workload::run(&urls, plan).await;
        let verdict = history.check();
        println!(
            "{fault}, seed {seed}: {} messages, {} deliveries, other answers {:?}: {:?}",
            history.messages(),
            history.deliveries(),
            history.other_answers,
            verdict.counts(),
        );
        if let Err(problem) = judge(&verdict) {
            panic!("{fault}, seed {seed}: {problem}\n{verdict}");
        }
    }
}

/// The checker finds this kind of anomaly, whichever else it finds.
async fn is_found(fault: &str, kind: Kind) {
    is_found_with(fault, kind, |_| {}).await;
}

async fn is_found_with(fault: &str, kind: Kind, change: impl Fn(&mut Plan)) {
    let judge = |verdict: &Verdict| {
        let found = verdict.counts().contains_key(&kind);
        found.then_some(()).ok_or("the fault was not found")
    };
    judge_each(fault, change, judge).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_without_a_fault_has_no_anomaly() {
    let judge = |verdict: &Verdict| verdict.is_good().then_some(()).ok_or("a false alarm");
    // A slow machine is given the time it needs: what is right comes to an end by itself.
    let change = |plan: &mut Plan| plan.patience = PATIENCE;
    judge_each("none", change, judge).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn positions_from_a_sequence_lose_messages() {
    // Two commits must cross: the more is written, the surer.
    let more = |plan: &mut Plan| plan.messages = plan.messages * 3 / 2;
    is_found_with("positions-from-a-sequence", Kind::Lost, more).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_registers_after_its_read_sleeps_on_a_message() {
    // Of two people, one is told a second later that the other has it, and wakes by that: no silence to sleep in.
    let groups_only = |plan: &mut Plan| plan.privates = 0;
    is_found_with("read-before-register", Kind::Late, groups_only).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_past_the_page_loses_what_was_cut_off() {
    is_found("cursor-past-the-page", Kind::Lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_misses_new_conversations_loses_them() {
    is_found("feed-misses-new-conversations", Kind::Lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_ignores_a_leaving_tells_what_is_not_its_own_any_more() {
    is_found("leaving-is-not-heard", Kind::Invented).await;
}
