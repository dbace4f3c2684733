//! Settings that would be unsafe, or that say nothing: the program names them and does not start.

use std::process::Stdio;

use tokio::process::Command;

use crate::support::{Database, PATIENCE, SECRET};

/// What it says when it ends at its start, as it must.
async fn refusal(database: &Database, name: &str, value: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
    command
        .env("DATABASE_URL", &database.url)
        .env("CAUSERIE_JWT_SECRET", SECRET)
        .env("ROCKET_PORT", "0")
        .env(name, value)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.expect("it ends").expect("it runs");
    assert!(!output.status.success(), "{name}={value}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[tokio::test]
async fn how_jobs_are_done_is_set_within_bounds() {
    let database = Database::create().await;
    for (value, word) in [
        ("{jobs={at_once=65}}", "causerie.jobs.at_once"),
        ("{jobs={lease_secs=1}}", "causerie.jobs.lease_secs"),
        ("{jobs={kept_days=0}}", "causerie.jobs.kept_days"),
        (
            "{mail={digest_after_secs=86401}}",
            "causerie.mail.digest_after_secs",
        ),
        ("{jobs={retries=3}}", "retries"),
    ] {
        let told = refusal(&database, "ROCKET_CAUSERIE", value).await;
        assert!(told.contains(word), "{value}: {told}");
    }
}

#[tokio::test]
async fn whose_word_on_addresses_is_taken_is_said_by_name() {
    let database = Database::create().await;
    let named = |value: &str| format!("{{trusted_proxies=[{value}]}}");
    for (name, value, word) in [
        (
            "ROCKET_IP_HEADER",
            "X-Real-IP".to_owned(),
            "trusted_proxies",
        ),
        ("ROCKET_CAUSERIE", named("\"localhost\""), "localhost"),
        ("ROCKET_CAUSERIE", named("\"10.0.0.0/33\""), "10.0.0.0/33"),
        (
            "ROCKET_CAUSERIE",
            "{forwarded_header=\"X-Real-IP\"}".to_owned(),
            "X-Forwarded-For",
        ),
        ("ROCKET_CAUSERIE", "{limits={sends=1}}".to_owned(), "sends"),
    ] {
        let told = refusal(&database, name, &value).await;
        assert!(told.contains(word), "{name}={value}: {told}");
    }
}
