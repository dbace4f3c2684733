//! Each statement again, for another tenant: once beside the first one's rows, once without them. What it gives and what
//! it leaves behind must be the same, and the first one's rows must be what they were.

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, PgConnection, Row, ValueRef};

use super::TENANT;
use super::statements::Statement;
use super::worlds::{OTHER, Tables, World, run as execute};
use crate::support::Database;

/// What came of one statement with one set of parameters.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Its rows as text, in no order, or its error.
    rows: Result<Vec<String>, String>,
    /// Of a statement that writes: everybody's rows afterwards, the first one's apart.
    others: Option<String>,
}

/// Of each statement what is wrong with it, if anything is. Nothing of this is kept.
pub async fn run(
    database: &Database,
    tables: &Tables,
    subjects: &[Statement],
) -> Vec<Option<String>> {
    let mut found: Vec<Option<String>> = vec![None; subjects.len()];
    let mut connection = database.connect().await;
    prepare(&mut connection).await;
    for world in World::ALL {
        execute(&mut connection, "savepoint world".to_owned()).await;
        tables.fill(world, &mut connection).await;
        let beside = pass(&mut connection, tables, subjects, &mut found).await;
        tables.forget_the_first(&mut connection).await;
        let without = pass(&mut connection, tables, subjects, &mut found).await;
        for (why, (beside, without)) in found.iter_mut().zip(beside.iter().zip(&without)) {
            if why.is_none() && beside != without {
                let said =
                    format!("beside the first tenant: {beside:#?}\nwithout it: {without:#?}");
                *why = Some(format!("{world:?}, {said}"));
            }
        }
        let undo = "rollback to world; release world";
        execute(&mut connection, undo.to_owned()).await;
        let count = found.iter().flatten().count();
        println!("{world:?}: {count} of {} are caught", found.len());
    }
    found
}

/// Two keys hold for all tenants, and two tenants cannot have the same there: they are put aside. What is appended has a
/// place that does not depend on the first one's: the newest event is somebody else's.
async fn prepare(connection: &mut PgConnection) {
    for sql in [
        "begin",
        "set local session_replication_role = replica",
        "set local statement_timeout = '10s'",
        "alter table events drop constraint events_pkey",
        "alter table stream_tickets drop constraint stream_tickets_pkey",
        "delete from events where tenant_id not like 'tenant-%'",
        "insert into events (position, tenant_id, type, occurred_at) select max(position) + 1, 'elsewhere', 'user.updated', now() from events",
    ] {
        execute(connection, sql.to_owned()).await;
    }
}

/// What comes of each, for the other tenant. Whoever changes the first one's rows is found at once, and is not tried
/// again, no more than those that were found before.
async fn pass(
    connection: &mut PgConnection,
    tables: &Tables,
    subjects: &[Statement],
    found: &mut [Option<String>],
) -> Vec<Vec<Outcome>> {
    let digest = tables.digest();
    let (first, _) = read(connection, &digest).await;
    let mut all = Vec::with_capacity(subjects.len());
    for (subject, why) in subjects.iter().zip(found) {
        let mut outcomes = Vec::new();
        for parameters in subject
            .parameters
            .iter()
            .take(if why.is_none() { usize::MAX } else { 0 })
        {
            let text = subject.with(&parameters.of(TENANT, OTHER));
            let rows = rows(connection, &text).await;
            let mut others = None;
            if subject.writes() && rows.is_ok() {
                let (now, rest) = read(connection, &digest).await;
                others = Some(rest);
                if now != first {
                    *why = Some(format!(
                        "it changes the first tenant's rows: {first} is now {now}"
                    ));
                }
            }
            let undo = "rollback to statement; release statement";
            execute(connection, undo.to_owned()).await;
            outcomes.push(Outcome { rows, others });
        }
        all.push(outcomes);
    }
    all
}

async fn read(connection: &mut PgConnection, digest: &str) -> (String, String) {
    let query = sqlx::query_as(AssertSqlSafe(digest.to_owned()));
    query.fetch_one(connection).await.expect("a digest")
}

async fn rows(connection: &mut PgConnection, text: &str) -> Result<Vec<String>, String> {
    let all = format!("savepoint statement; {text}");
    let done = sqlx::raw_sql(AssertSqlSafe(all))
        .fetch_all(connection)
        .await;
    let rows = done.map_err(|error| {
        let error = error.into_database_error().expect("Postgres answers");
        let code = error.code().unwrap_or_default().into_owned();
        // A row that is there already, or one too many, is an answer; what Postgres does not take is a mistake here.
        let is_answer = code.starts_with("21") || code.starts_with("23");
        assert!(is_answer, "{code} {error}: {text}");
        format!(
            "{code} {} {}",
            error.message(),
            error.constraint().unwrap_or_default()
        )
    })?;
    let mut rows: Vec<String> = rows.iter().map(written).collect();
    rows.sort();
    Ok(rows)
}

/// A row's values as Postgres writes them.
fn written(row: &PgRow) -> String {
    let values = (0..row.len()).map(|i| {
        let value = row.try_get_raw(i).expect("a column");
        if value.is_null() {
            return "null".to_owned();
        }
        value.as_str().expect("text").to_owned()
    });
    values.collect::<Vec<_>>().join(" | ")
}
