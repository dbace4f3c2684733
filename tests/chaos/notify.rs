//! Words between the instances that never arrive.

use crate::report::{Clients, LATE, spread};
use crate::stage::Stage;
use crate::support::proxy::{Fault, Proxy, Upstream};
use crate::support::workload::{self, Habit, Plan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_notify_to_the_other_instance_is_suppressed() {
    // A direct connection that opens and then says nothing, so that not even setting it up anew makes anybody look.
    let hole = Proxy::start(Upstream::Unix("/nowhere".into())).await;
    hole.set(Fault::BlackHole);
    let url = format!(
        "postgres://postgres@{}/causerie?sslmode=disable",
        hole.address
    );
    let mut stage =
        Stage::set_with_listen_url("every NOTIFY to the other instance suppressed", url).await;
    let plan = Plan {
        // The other instance is told of nothing by its own writer either, nor by readers that come with a cursor from
        // elsewhere.
        write_at: Some(0),
        habits: vec![Habit::Poll(50), Habit::LongPoll, Habit::Stream],
        ..stage.plan()
    };
    let duration = stage.duration();
    let history = workload::run_amid(&stage.urls(), plan, tokio::time::sleep(duration)).await;
    let swept = stage.stands[1]
        .instance
        .metric("causerie_events_found_by_sweep_total")
        .await;
    let delays = history.delays(Some(1));
    let late = delays.iter().filter(|delay| **delay > LATE).count();
    stage.note(format!(
        "{swept} events found by the other's sweep, {late} told later than {LATE:?}"
    ));
    stage.note(format!("told by the other: {}", spread(delays)));
    assert!(
        swept > history.messages() as f64 / 2.0,
        "it heard: {:?}",
        stage.notes
    );
    assert_eq!(late, 0, "seed {}: {:?}", stage.seed, stage.notes);
    stage.judge(&history, Clients::Refused).await;
}
