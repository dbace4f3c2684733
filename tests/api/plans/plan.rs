//! Plans as Postgres has executed them, told to the service's own sessions by auto_explain and found in its log.

use serde::Deserialize;
use serde_json::Value;

use crate::support::Database;

/// Most rows that may be sorted: the longest page that anything reads, the tail's.
const PAGE: f64 = 1_000.0;
/// Most rows that one statement may read and not use; above all one that is sent under the log's lock.
pub const IN_VAIN: f64 = 1_000.0;
/// What grows with the use of a site.
const BIG: [&str; 7] = [
    "users",
    "conversations",
    "members",
    "messages",
    "events",
    "stream_tickets",
    "presence",
];

/// One execution of one statement.
#[derive(Deserialize)]
pub struct Executed {
    #[serde(rename = "Query Text")]
    pub text: String,
    #[serde(rename = "Plan")]
    pub plan: Value,
    /// What it took, being watched.
    #[serde(skip)]
    pub milliseconds: f64,
}

/// Has every session of this database, from its start, tell its client the plan of each statement it executes. Plans are
/// generic, as they are for a service that keeps its statements prepared.
pub async fn explain_everything(database: &Database) {
    for setting in [
        "session_preload_libraries = 'auto_explain'",
        "plan_cache_mode = 'force_generic_plan'",
        "auto_explain.log_min_duration = 0",
        "auto_explain.log_format = 'json'",
        // To the client, which needs no access to the server's own log.
        "auto_explain.log_level = 'notice'",
        // How many rows there were, not how many were guessed.
        "auto_explain.log_analyze = on",
        "auto_explain.log_timing = off",
    ] {
        let name = &database.name;
        let sql = format!("alter database {name} set {setting}");
        // By a superuser only: the embedded server's is one.
        database.execute(&sql).await;
    }
}

/// Every plan in the log of an instance that was started with `sqlx::postgres::notice=info`.
pub fn in_log(log: &str) -> Vec<Executed> {
    let lines = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let (took, plan) = line["message"].as_str()?.split_once(" plan:\n")?;
        let mut executed: Executed = serde_json::from_str(plan).expect("a plan in JSON");
        let took = took.trim().strip_prefix("duration: ");
        let took = took.and_then(|took| took.strip_suffix(" ms"));
        executed.milliseconds = took.expect("a duration").parse().expect("a number");
        Some(executed)
    });
    lines.collect()
}

impl Executed {
    /// What of it takes longer the larger a site is: table reads from end to end, and sorts of more than a page.
    /// Of rows that are read and not used there may be `in_vain`.
    pub fn objections(&self, in_vain: f64) -> Vec<String> {
        let mut found = Vec::new();
        object(&self.plan, in_vain, &mut found);
        found
    }
}

fn object(node: &Value, most: f64, found: &mut Vec<String>) {
    let kind = node["Node Type"].as_str().unwrap_or_default();
    let table = node["Relation Name"].as_str().unwrap_or_default();
    let used = node["Actual Rows"].as_f64().expect("log_analyze");
    // An index that fits badly is no table scan, and reads as much.
    let removed = |by: &str| node[by].as_f64().unwrap_or(0.0);
    let unused = removed("Rows Removed by Filter") + removed("Rows Removed by Join Filter");
    // The newest few are taken from an index's end without a condition.
    let is_long = used + unused > PAGE;
    let whole_index = kind.starts_with("Index") && node["Index Cond"].is_null() && is_long;
    if BIG.contains(&table) && (kind == "Seq Scan" || whole_index) {
        found.push(format!("{kind} of all of {table}"));
    }
    let in_vain = unused * node["Actual Loops"].as_f64().unwrap_or(1.0);
    if in_vain > most {
        found.push(format!("{in_vain} rows of {table} read in vain"));
    }
    let inputs = node["Plans"].as_array().map_or(&[][..], Vec::as_slice);
    if kind == "Sort" {
        let rows = inputs[0]["Actual Rows"].as_f64().expect("log_analyze");
        if rows > PAGE {
            let method = node["Sort Method"].as_str().unwrap_or_default();
            found.push(format!("{method} of {rows} rows by {}", node["Sort Key"]));
        }
    }
    for input in inputs {
        object(input, most, found);
    }
}
