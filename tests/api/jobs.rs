//! Jobs: done by one instance at a time, taken over when it is gone, given back when it leaves.

#[path = "jobs/admin.rs"]
mod admin;
#[path = "jobs/order.rs"]
mod order;
#[path = "jobs/plan.rs"]
mod plan;

use causerie::model::JobKind;
use causerie::store::jobs::{NewJob, put};
use causerie::store::migrate;
use chrono::Utc;
use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::PgConnection;

use crate::scheduled::{ahead, are, let_time_pass, path_of, schedule};
use crate::support::{App, Database, eventually};

/// While it is held nothing is written to the log: whoever sends waits.
pub async fn hold_the_log(app: &App) -> PgConnection {
    let mut connection = app.database.connect().await;
    sqlx::query("select pg_advisory_lock(4714171)")
        .execute(&mut connection)
        .await
        .expect("nobody writes");
    connection
}

async fn messages(app: &App) -> i64 {
    app.database.number("select count(*) from messages").await
}

#[tokio::test]
async fn what_was_due_while_everything_was_down_is_done_at_the_start() {
    let mut app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    schedule(&alice, &conversation, "while you were out").await;
    app.instances[0].signal(Signal::SIGKILL);
    app.instances[0].exit_code().await;
    let_time_pass(&app).await;
    app.add("", &[]).await;
    are(&app, "DONE", 1).await;
    assert_eq!(messages(&app).await, 1);
}

#[tokio::test]
async fn an_instance_that_hears_no_bell_finds_what_another_has_put() {
    let mut app = App::with(1, "jobs={at_once=0}").await;
    app.add("", &[]).await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let body = json!({ "content": "soon", "deliverAt": ahead(2) });
    alice.post(&path_of(&conversation), &body).await.ok();
    are(&app, "DONE", 1).await;
    let done = "causerie_jobs_done_total{kind=\"MESSAGE\",outcome=\"done\"}";
    assert_eq!(app.instances[0].metric(done).await, 0.0);
    assert_eq!(app.instances[1].metric(done).await, 1.0);
}

#[tokio::test]
async fn what_a_killed_instance_held_is_taken_over_when_its_lease_has_ended() {
    let settings = "jobs={lease_secs=8}";
    let mut app = App::with(1, settings).await;
    let (alice, _, conversation) = app.two_people_talking().await;
    schedule(&alice, &conversation, "once").await;
    let held = hold_the_log(&app).await;
    let_time_pass(&app).await;
    are(&app, "RUNNING", 1).await;
    let within = "select count(*) from jobs where leased_until between now() and now() + interval '8 s' and attempts = 1";
    assert_eq!(app.database.number(within).await, 1);
    app.instances[0].signal(Signal::SIGKILL);
    app.instances[0].exit_code().await;
    drop(held);
    app.add(settings, &[]).await;
    are(&app, "DONE", 1).await;
    assert_eq!(messages(&app).await, 1);
    let again = "select count(*) from jobs where attempts = 2 and lease is null";
    assert_eq!(app.database.number(again).await, 1);
    let log = app.instances[1].log();
    assert_eq!(log.matches("taken over").count(), 1, "{log}");
}

#[tokio::test]
async fn an_instance_that_leaves_gives_back_at_once_what_it_cannot_end() {
    let mut app = App::with(1, "jobs={lease_secs=3600}").await;
    let (alice, _, conversation) = app.two_people_talking().await;
    schedule(&alice, &conversation, "not by me").await;
    let held = hold_the_log(&app).await;
    let_time_pass(&app).await;
    are(&app, "RUNNING", 1).await;
    app.instances[0].signal(Signal::SIGTERM);
    assert_eq!(app.instances[0].exit_code().await, Some(0));
    let given_back =
        "select count(*) from jobs where state = 'WAITING' and attempts = 0 and lease is null";
    assert_eq!(app.database.number(given_back).await, 1);
    drop(held);
    app.add("", &[]).await;
    are(&app, "DONE", 1).await;
    assert_eq!(messages(&app).await, 1);
}

#[tokio::test]
async fn an_instance_does_so_many_at_once_and_no_more() {
    let app = App::with(1, "jobs={at_once=2}").await;
    let (alice, ..) = app.two_people_talking().await;
    for n in 0..5 {
        let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
        let group = alice.post("/v1/conversations", &group).await.ok();
        let group = group["id"].as_str().expect("an id");
        schedule(&alice, group, &n.to_string()).await;
    }
    let held = hold_the_log(&app).await;
    let_time_pass(&app).await;
    are(&app, "RUNNING", 2).await;
    are(&app, "WAITING", 3).await;
    drop(held);
    are(&app, "DONE", 5).await;
}

#[tokio::test]
async fn what_fails_for_the_last_time_is_dead_and_said_once() {
    let app = App::start().await;
    // One whose holder is gone, begun as often as it may be; and one that nobody understands.
    app.database
        .execute(
            "insert into jobs (tenant_id, id, kind, payload, state, run_at, attempts, max_attempts, lease, leased_until)
             values ('default', gen_random_uuid(), 'MESSAGE', '{}', 'RUNNING', now(), 3, 3, gen_random_uuid(), now() - interval '1 s'),
                    ('default', gen_random_uuid(), 'MESSAGE', '{\"no\": 1}', 'WAITING', now(), 2, 3, null, null)",
        )
        .await;
    are(&app, "DEAD", 2).await;
    let log = eventually("both to be said", async || {
        let log = app.instances[0].log();
        (log.matches("a job is dead").count() == 2).then_some(log)
    })
    .await;
    assert_eq!(log.matches("\"ERROR\"").count(), 2, "{log}");
    let dead =
        app.instances[0].metric("causerie_jobs_done_total{kind=\"MESSAGE\",outcome=\"dead\"}");
    assert_eq!(dead.await, 2.0);
}

#[tokio::test]
async fn a_key_that_is_put_twice_is_put_once() {
    let database = Database::create().await;
    migrate(&mut database.connect().await)
        .await
        .expect("the schema");
    let job = |tenant: &str, key: Option<&str>| NewJob {
        tenant: tenant.to_owned(),
        kind: JobKind::Email,
        key: key.map(str::to_owned),
        user: None,
        payload: json!({}),
        run_at: Utc::now(),
        max_attempts: 3,
    };
    let puts = (0..20).map(|_| async {
        let jobs = [job("a", Some("k")), job("b", Some("k")), job("a", None)];
        put(&mut database.connect().await, &jobs)
            .await
            .expect("put")
            .len()
    });
    let put: usize = futures::future::join_all(puts).await.into_iter().sum();
    // Of each tenant once; what has no key each time.
    assert_eq!(put, 22);
    assert_eq!(database.number("select count(*) from jobs").await, 22);
}

#[tokio::test]
async fn what_ended_is_kept_for_as_many_days_as_was_set_and_what_waits_for_ever() {
    let mut app = App::with(0, "").await;
    let database = &app.database;
    migrate(&mut database.connect().await)
        .await
        .expect("the schema");
    database
        .execute(
            "insert into jobs (tenant_id, id, kind, payload, state, run_at, max_attempts, finished_at)
             select 'default', gen_random_uuid(), 'MESSAGE', '{}'::jsonb, state, now() + interval '1 day', 3, at
               from unnest(array['DONE', 'DEAD', 'CANCELLED']) state,
                    unnest(array[now() - interval '49 hours', now() - interval '47 hours']) at
              union all
             select 'default', gen_random_uuid(), 'MESSAGE', '{}', 'WAITING', now() + interval '1 day', 3, null::timestamptz",
        )
        .await;
    app.add("jobs={kept_days=2}", &[]).await;
    eventually("the older ones to go", async || {
        (app.database.number("select count(*) from jobs").await == 4).then_some(())
    })
    .await;
    let newer = "select count(*) from jobs where finished_at > now() - interval '48 hours'";
    assert_eq!(app.database.number(newer).await, 3);
}
