//! What it costs to look for what is due, by the very statement: not more because much is scheduled or lies about.

use causerie::store::jobs::{TAKE, kinds};
use causerie::store::{POINT_LOOK_UPS, connect_options, migrate};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use uuid::Uuid;

use crate::support::Database;

/// Jobs that are due; ahead of their time; and over.
async fn table(due: u32, ahead: u32, over: u32) -> Database {
    let database = Database::create().await;
    migrate(&mut database.connect().await)
        .await
        .expect("the schema");
    let put = format!(
        "insert into jobs (tenant_id, id, kind, key, user_id, payload, state, run_at, max_attempts, finished_at)
         select 'tenant-' || n % 7, gen_random_uuid(), case n % 2 when 0 then 'MESSAGE' else 'EMAIL' end, 'u-' || n, 'u-' || n % 1000, '{{\"content\":\"something to say\"}}',
                case when n <= {over} then 'DONE' else 'WAITING' end,
                case when n <= {over} then now() - interval '1 hour'
                     when n <= {over} + {ahead} then now() + n * interval '1 minute' else now() - interval '1 s' end,
                20, case when n <= {over} then now() end
           from generate_series(1, {over} + {ahead} + {due}) n"
    );
    database.execute(&put).await;
    // What is cleared away is cleared away: no hint bits are left to be set by whoever looks first.
    database.execute("vacuum jobs").await;
    database
}

/// Shared buffers that taking eight touches, with a plan as the service has it.
async fn buffers(database: &Database) -> i64 {
    let options = connect_options(&database.url).expect("a URL");
    let options = options.options(POINT_LOOK_UPS);
    let mut connection = PgConnection::connect_with(&options).await.expect("it");
    let text = format!("explain (analyze, buffers, format json) {TAKE}");
    let mut transaction = connection.begin().await.expect("a transaction");
    let plan: Value = sqlx::query_scalar(AssertSqlSafe(text))
        .bind(Uuid::new_v4())
        .bind(4_i64)
        .bind(30.0)
        .bind(4_i64)
        .bind(90.0)
        .bind(kinds())
        .bind(2_i64)
        .fetch_one(&mut *transaction)
        .await
        .expect("a plan");
    transaction.rollback().await.expect("nothing is taken");
    let plan = &plan[0]["Plan"];
    assert_eq!(plan["Actual Rows"].as_f64(), Some(8.0), "{plan:#}");
    assert!(!plan.to_string().contains("Seq Scan"), "{plan:#}");
    ["Shared Hit Blocks", "Shared Read Blocks"]
        .iter()
        .map(|name| plan[*name].as_i64().expect("a number"))
        .sum()
}

#[tokio::test]
async fn taking_costs_the_same_whatever_is_scheduled_and_whatever_lies_about() {
    let few = buffers(&table(50, 1_000, 0).await).await;
    for (ahead, over) in [(100_000, 0), (100_000, 100_000)] {
        let many = buffers(&table(50, ahead, over).await).await;
        println!("{many} buffers with {ahead} ahead and {over} over, {few} with 1000 ahead");
        assert!(many <= 2 * few, "{many}, not {few}");
    }
}
