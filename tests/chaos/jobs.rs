//! What is put for later, while instances are killed all the time: every job takes effect, and what people see of it on the
//! site is there once.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use rand::Rng;

use crate::due::{Effects, Plan, happened, put};
use crate::smtp::Smtp;
use crate::stage::Stage;

/// How many, and for how many seconds they come due: `CAUSERIE_TEST_FULL` gives the long form.
fn size() -> (usize, i64) {
    match std::env::var_os("CAUSERIE_TEST_FULL") {
        Some(_) => (2_000, 60),
        None => (600, 24),
    }
}

/// The longest that what is left over may take: a lease, and pauses between attempts.
const PATIENCE: Duration = Duration::from_secs(180);

async fn number(stage: &Stage, text: &'static str) -> i64 {
    sqlx::query_scalar(text)
        .fetch_one(&mut stage.cluster.connect().await)
        .await
        .expect("a number")
}

/// Kills one or the other for so long. Gives how often.
async fn kill(stage: &mut Stage, seconds: i64) -> usize {
    let (began, mut kills) = (Instant::now(), 0);
    let mut every = tokio::time::interval(Duration::from_secs(3));
    while began.elapsed() < Duration::from_secs(seconds as u64) {
        every.tick().await;
        let which = stage.rng.random_range(0..stage.stands.len());
        stage.stands[which].kill().await;
        stage.stands[which].start_again().await;
        kills += 1;
    }
    kills
}

/// Until nothing waits and nobody holds a lease, but for the one job of no tenant, which never ends.
async fn end(stage: &Stage) {
    let open = "select count(*) from jobs where tenant_id <> '' and (state in ('WAITING', 'RUNNING') or lease is not null)";
    let began = Instant::now();
    while number(stage, open).await > 0 {
        assert!(began.elapsed() < PATIENCE, "jobs that never end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Nothing is lost, nothing comes too early, nothing comes that was not planned. Gives by how many seconds each was late,
/// and how many came more than once.
fn compare(plan: &Plan, effects: &[&Effects]) -> (Vec<f64>, usize) {
    let (mut late, mut twice) = (Vec::new(), 0);
    let all = || effects.iter().flat_map(|effects| effects.iter());
    for (label, times) in all() {
        let due = plan.get(label).expect("nothing that was not planned");
        assert!(times[0] >= *due, "{label}: not before its time");
        late.push((times[0] - *due).as_seconds_f64());
        twice += usize::from(times.len() > 1);
    }
    let lost: Vec<_> = plan
        .keys()
        .filter(|label| !all().any(|(found, _)| found == *label))
        .collect();
    assert!(lost.is_empty(), "lost: {lost:?}");
    late.sort_by(f64::total_cmp);
    (late, twice)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_put_for_later_is_done_while_an_instance_is_killed_every_three_seconds() {
    let smtp = Smtp::start().await;
    let name = "jobs for later, an instance killed with -9 every 3 s";
    let mut stage = Stage::set_with_smtp(name, &smtp.url()).await;
    let (count, seconds) = size();
    // Long enough that all are there before the first is due.
    let start = Utc::now() + TimeDelta::seconds(seconds);
    let plan = put(&stage, count, start, seconds).await;
    assert!(Utc::now() < start, "they are there before the first is due");
    tokio::time::sleep((start - Utc::now()).to_std().unwrap_or_default()).await;
    let kills = kill(&mut stage, seconds).await;
    end(&stage).await;

    let happened = happened(&stage, &smtp).await;
    let shown = [&happened.messages, &happened.notifications];
    for effects in shown {
        let often = effects.iter().find(|(_, times)| times.len() != 1);
        assert_eq!(often, None, "what people see is there once");
    }
    let all = [shown[0], shown[1], &happened.emails];
    let (late, twice) = compare(&plan, &all);
    let done = number(&stage, "select count(*) from jobs where state = 'DONE'").await;
    assert_eq!(done as usize, count, "each has ended well");
    let part = |part: f64| late[((late.len() - 1) as f64 * part) as usize];
    println!(
        "{count} jobs ({} messages, {} notifications, {} e-mails), {kills} kills: none lost; {} begun more than once, {twice} e-mails sent more than once; seconds late: median {:.1}, 95 % {:.1}, all {:.1}",
        shown[0].len(),
        shown[1].len(),
        happened.emails.len(),
        number(&stage, "select count(*) from jobs where attempts > 1").await,
        part(0.5),
        part(0.95),
        part(1.0)
    );
}
