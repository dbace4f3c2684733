//! The log gone through for what stays unread: each event once, by whoever goes on.

use causerie::store::digest_sweep::{self, PEOPLE};
use causerie::store::jobs::Ending;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::{Site, at, moment};

const JOBS: &str =
    "select count(*) from jobs where kind = 'DIGEST' and user_id = 'bob' and state = 'WAITING'";
const PLACE: &str = "select position from unread_sweep";

#[tokio::test]
async fn it_begins_at_the_head_and_goes_on_behind_what_is_young() {
    let site = Site::build().await;
    site.says(1, "2026-01-10 12:00").await;
    site.begin("2026-01-10 13:00").await;
    assert!(!site.sweep("2026-01-10 13:00", 100).await);
    assert_eq!(site.database.number(JOBS).await, 0, "the past is no news");
    site.says(1, "2026-01-10 13:01").await;
    site.says(2, "2026-01-10 13:02").await;
    site.sweep("2026-01-10 13:05:59", 100).await;
    let state = (
        site.database.number(JOBS).await,
        site.database.number(PLACE).await,
    );
    assert_eq!(state, (0, 1));
    site.sweep("2026-01-10 13:06", 100).await;
    let state = (
        site.database.number(JOBS).await,
        site.database.number(PLACE).await,
    );
    assert_eq!(state, (1, 2), "of the first, and not of the second");
    // Begun again, by an instance that starts, it goes on where it was.
    site.begin("2026-01-10 13:06").await;
    assert_eq!(site.database.number(PLACE).await, 2);
    let sweeps = "select count(*) from jobs where kind = 'UNREAD_SWEEP' and tenant_id = ''";
    assert_eq!(site.database.number(sweeps).await, 1);
}

#[tokio::test]
async fn a_long_way_goes_in_steps_and_each_event_counts_once_however_many_go() {
    let site = Site::build().await;
    site.begin("2026-01-10 13:00").await;
    for _ in 0..25 {
        site.says(1, "2026-01-10 13:01").await;
    }
    assert!(site.sweep("2026-01-10 13:10", 10).await);
    assert_eq!(site.database.number(PLACE).await, 10);
    let now = moment("2026-01-10 13:10");
    let all = (0..4).map(|_| digest_sweep::go_on(&site.db, &now, 5));
    let steps = futures::future::join_all(all).await;
    let more = steps
        .into_iter()
        .filter(|step| *step.as_ref().expect("a step"));
    assert_eq!(more.count(), 3, "fifteen events by five, and one in vain");
    assert_eq!(site.database.number(PLACE).await, 25);
}

#[tokio::test]
async fn whose_job_waits_is_told_earlier_and_whose_job_is_over_is_told_again() {
    let site = Site::build().await;
    site.begin("2026-01-10 13:00").await;
    site.says(1, "2026-01-10 13:01").await;
    site.sweep("2026-01-10 13:06", 100).await;
    // It waits for the back-off of one conversation; another has news.
    site.run("update jobs set run_at = '2026-01-11 13:00', attempts = 3 where kind = 'DIGEST'")
        .await;
    site.says(2, "2026-01-10 13:02").await;
    site.sweep("2026-01-10 13:07", 100).await;
    let due = format!("{JOBS} and run_at = '2026-01-10 13:07Z'");
    assert_eq!(site.database.number(&due).await, 1);
    for over in ["DONE", "CANCELLED", "DEAD"] {
        site.run(&format!(
            "update jobs set state = '{over}', finished_at = now() where kind = 'DIGEST'"
        ))
        .await;
        site.says(2, "2026-01-10 13:03").await;
        site.sweep("2026-01-10 13:09", 100).await;
        let anew = format!("{JOBS} and finished_at is null and attempts = 0");
        assert_eq!(site.database.number(&anew).await, 1, "{over}");
    }
    site.run("update jobs set state = 'RUNNING' where kind = 'DIGEST'")
        .await;
    site.says(2, "2026-01-10 13:04").await;
    site.sweep("2026-01-10 13:10", 100).await;
    assert_eq!(site.database.number(JOBS).await, 0, "it is being done");
}

#[tokio::test]
async fn whoever_was_told_in_vain_is_not_looked_at_each_time_somebody_writes() {
    for (seen, due) in [(None, "14:06"), (Some("2026-01-10 13:10"), "13:26")] {
        let site = Site::build().await;
        site.begin("2026-01-10 13:00").await;
        site.says(1, "2026-01-10 13:01").await;
        site.sweep("2026-01-10 13:06", 100).await;
        assert_eq!(site.tell("2026-01-10 13:06").await, Ending::Done);
        site.run("update jobs set state = 'DONE' where kind = 'DIGEST'")
            .await;
        if let Some(seen) = seen {
            site.is_seen(seen, seen).await;
        }
        site.says(1, "2026-01-10 13:20").await;
        site.sweep("2026-01-10 13:26", 100).await;
        let due = format!("{JOBS} and run_at = '2026-01-10 {due}Z'");
        assert_eq!(site.database.number(&due).await, 1, "{seen:?}");
    }
}

#[tokio::test]
async fn it_puts_nothing_for_those_who_have_nothing_to_be_told() {
    for sql in [
        "update users set email_off = true",
        "update users set email = null",
        "update users set is_erased = true",
        "update members set left_position = 1",
        "update members set read_up_to = 1",
        "update messages set deleted_at = now()",
        "update messages set notice = '{}'",
        "update events set type = 'message.updated'",
        // Whoever was not told for a day is not told late.
        "update events set occurred_at = '2026-01-09 13:01Z'",
    ] {
        let site = Site::build().await;
        site.begin("2026-01-10 13:00").await;
        site.says(1, "2026-01-10 13:01").await;
        site.run(sql).await;
        site.sweep("2026-01-10 13:07", 100).await;
        assert_eq!(site.database.number(JOBS).await, 0, "{sql}");
        assert_eq!(site.database.number(PLACE).await, 1, "{sql}");
    }
}

#[tokio::test]
async fn people_of_two_tenants_with_one_id_have_a_job_each() {
    let site = Site::build().await;
    site.tenant("other").await;
    site.begin("2026-01-10 13:00").await;
    for tenant in ["default", "other"] {
        site.says_in(tenant, 1, "2026-01-10 13:01").await;
    }
    site.sweep("2026-01-10 13:06", 100).await;
    assert_eq!(site.database.number(JOBS).await, 2);
    let now = at("2026-01-10 13:06");
    assert_eq!(site.tell_in("other", now).await, Ending::Done);
    assert_eq!(site.subjects().await.len(), 1);
}

#[tokio::test]
async fn a_step_reads_by_the_index_however_much_was_said() {
    let site = Site::build().await;
    site.run("insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
              select 'default', gen_random_uuid(), md5('c' || 1 + n % 3)::uuid, 1 + n / 3, 'USER', 'alice', 'said', 1 + n, 1 + n, now() from generate_series(0, 59999) n")
        .await;
    site.run("insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
              select created_position, tenant_id, 'message.created', conversation_id, id, 'alice', seq, created_at from messages")
        .await;
    site.run("vacuum analyze").await;
    let mut connection = PgConnection::connect(&site.database.url).await.expect("it");
    sqlx::query("set plan_cache_mode = force_generic_plan")
        .execute(&mut connection)
        .await
        .expect("set");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(format!(
        "explain (analyze, buffers, format json) {PEOPLE}"
    )))
    .bind(59_500_i64)
    .bind(60_000_i64)
    .bind(at("2020-01-01 00:00"))
    .bind(at("2026-01-10 13:07"))
    .bind(vec![3_600.0; 3])
    .fetch_one(&mut connection)
    .await
    .expect("a plan");
    let plan = &plan[0]["Plan"];
    let text = plan.to_string();
    let scans = |table: &str| {
        let mut parts = text.split("\"Node Type\":\"Seq Scan\"").skip(1);
        parts.any(|part| {
            part.contains(&format!("\"Relation Name\":\"{table}\""))
                && part.find(&format!("\"Relation Name\":\"{table}\"")) < part.find("\"Node Type\"")
        })
    };
    assert!(!scans("events") && !scans("messages"), "{plan:#}");
    let buffers = ["Shared Hit Blocks", "Shared Read Blocks"];
    let buffers: i64 = buffers.iter().filter_map(|name| plan[*name].as_i64()).sum();
    println!("{buffers} buffers for 500 of 60,000 events");
    assert!(buffers < 1_000, "{plan:#}");
}
