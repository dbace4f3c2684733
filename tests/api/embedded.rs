//! The embedded Postgres, for real: every test starts servers of its own in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use causerie::embedded::{Embedded, EmbeddedError, Settings};
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpgid, getpgrp};
use sqlx::{Connection, PgConnection};

/// A directory that is removed with the test.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        Self(std::env::temp_dir().join(format!("causerie-{}", uuid::Uuid::new_v4().simple())))
    }

    fn settings(&self) -> Settings {
        self.below("data dir")
    }

    fn below(&self, name: &str) -> Settings {
        Settings {
            data_dir: Some(self.0.join(name)),
            pg_bin: pg_bin(),
        }
    }

    fn pid_file(&self) -> Vec<String> {
        let text =
            fs::read_to_string(self.0.join("data dir/data/postmaster.pid")).unwrap_or_default();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    /// The server's process id, once it is ready.
    fn ready(&self) -> Option<Pid> {
        let lines = self.pid_file();
        let pid = lines.first()?.parse().ok()?;
        (lines.get(7)? == "ready").then(|| Pid::from_raw(pid))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn pg_bin() -> Option<PathBuf> {
    std::env::var_os("PG_BIN").map(PathBuf::from)
}

async fn start(settings: &Settings) -> Embedded {
    Embedded::start(settings)
        .await
        .expect("PostgreSQL is installed and starts")
}

async fn text(url: &str, query: &'static str) -> String {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the URL is understood and answers");
    sqlx::query_scalar(query)
        .fetch_one(&mut connection)
        .await
        .expect("the query is right")
}

async fn run(url: &str, statement: &'static str) {
    let mut connection = PgConnection::connect(url)
        .await
        .expect("the URL is understood and answers");
    sqlx::query(statement)
        .execute(&mut connection)
        .await
        .expect("the statement is right");
}

async fn refusal(settings: &Settings) -> EmbeddedError {
    match Embedded::start(settings).await {
        Ok(_) => panic!("it started"),
        Err(error) => error,
    }
}

async fn eventually<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{what} did not come about in 20 s"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn gone(pid: Pid) -> Option<()> {
    kill(pid, None).is_err().then_some(())
}

/// The program itself, as a process that can be killed.
fn program(data_dir: &Path) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
    command
        .env_remove("DATABASE_URL")
        .env("CAUSERIE_DATA_DIR", data_dir)
        .env("ROCKET_PORT", "0");
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.spawn().expect("the program starts")
}

#[tokio::test]
async fn what_was_written_is_there_after_a_stop_and_a_start() {
    let place = Place::new();
    let first = start(&place.settings()).await;
    run(&first.url(), "create table kept (word text)").await;
    run(&first.url(), "insert into kept values ('été')").await;
    first.stop().await;

    let second = start(&place.settings()).await;
    assert_eq!(text(&second.url(), "select word from kept").await, "été");
    assert_eq!(
        text(&second.url(), "select current_database()::text").await,
        "causerie"
    );
    assert_eq!(
        text(&second.admin_url(), "select current_database()::text").await,
        "postgres"
    );
    second.stop().await;
}

#[tokio::test]
async fn it_is_durable_private_and_in_utf8() {
    let place = Place::new();
    let server = start(&place.settings()).await;
    for (query, expected) in [
        ("show fsync", "on"),
        ("show synchronous_commit", "on"),
        ("show listen_addresses", ""),
        ("show max_connections", "200"),
        ("show server_encoding", "UTF8"),
        (
            "select datcollate::text from pg_database where datname = 'causerie'",
            "C",
        ),
    ] {
        assert_eq!(text(&server.url(), query).await, expected, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_long_path_with_spaces_quotes_and_accents_works() {
    let place = Place::new();
    let settings = place.below(&format!("a, \"b\" 100% 'é'/{}", "x".repeat(90)));
    let server = start(&settings).await;
    assert_eq!(text(&server.url(), "select 'here'").await, "here");
    server.stop().await;
}

#[tokio::test]
async fn a_second_program_on_the_same_directory_is_told_what_to_do() {
    let place = Place::new();
    let server = start(&place.settings()).await;
    let error = refusal(&place.settings()).await;
    assert!(matches!(error, EmbeddedError::InUse { .. }), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("CAUSERIE_DATA_DIR") && told.contains(&std::process::id().to_string()),
        "{told}"
    );
    assert_eq!(text(&server.url(), "select 'unharmed'").await, "unharmed");
    server.stop().await;
}

#[tokio::test]
async fn dropping_it_stops_the_server_and_the_next_start_waits_for_that() {
    let place = Place::new();
    let first = start(&place.settings()).await;
    let pid = place.ready().expect("it is ready");
    drop(first);
    let second = start(&place.settings()).await;
    assert!(gone(pid).is_some());
    second.stop().await;
}

#[tokio::test]
async fn killing_the_program_takes_the_server_with_it_and_the_next_start_is_clean() {
    let place = Place::new();
    let mut program = program(&place.0.join("data dir"));
    let pid = eventually("a ready server", || place.ready()).await;
    program.kill().expect("it can be killed");
    program.wait().expect("it ends");
    eventually("the end of the server", || gone(pid)).await;

    let server = start(&place.settings()).await;
    assert_eq!(text(&server.url(), "select 'clean'").await, "clean");
    server.stop().await;
}

#[tokio::test]
async fn an_initdb_that_was_killed_half_way_leaves_nothing_in_the_way() {
    let place = Place::new();
    let mut program = program(&place.0.join("data dir"));
    eventually("initdb", || {
        place
            .0
            .join("data dir/data.new/base")
            .exists()
            .then_some(())
    })
    .await;
    program.kill().expect("it can be killed");
    program.wait().expect("it ends");

    let server = start(&place.settings()).await;
    assert_eq!(text(&server.url(), "select 'whole'").await, "whole");
    assert!(!place.0.join("data dir/data.new").exists());
    server.stop().await;
}

#[tokio::test]
async fn a_pid_file_left_by_a_killed_server_is_not_believed() {
    let place = Place::new();
    let server = start(&place.settings()).await;
    let left = place.pid_file();
    server.stop().await;
    // The same file, with a process id that has since gone to somebody else: here to us.
    let reused = std::process::id().to_string();
    let lines: Vec<&str> = std::iter::once(reused.as_str())
        .chain(left.iter().skip(1).map(String::as_str))
        .collect();
    fs::write(
        place.0.join("data dir/data/postmaster.pid"),
        lines.join("\n"),
    )
    .expect("it can be written");

    let server = start(&place.settings()).await;
    server.stop().await;
}

#[tokio::test]
async fn a_directory_with_other_files_is_refused_and_left_alone() {
    let place = Place::new();
    fs::create_dir_all(place.0.join("data dir")).expect("it can be made");
    fs::write(place.0.join("data dir/holiday.jpg"), "x").expect("it can be written");
    let error = refusal(&place.settings()).await;
    assert!(matches!(error, EmbeddedError::NotOurs(_)), "{error}");
    assert_eq!(
        fs::read_dir(place.0.join("data dir"))
            .expect("it can be listed")
            .count(),
        1
    );
}

#[tokio::test]
async fn a_wrong_pg_bin_is_named_in_the_message() {
    let place = Place::new();
    let settings = Settings {
        pg_bin: Some("/nowhere".into()),
        ..place.settings()
    };
    let told = refusal(&settings).await.to_string();
    assert!(
        told.contains("PG_BIN") && told.contains("/nowhere"),
        "{told}"
    );
}

#[tokio::test]
async fn an_interrupt_from_the_terminal_does_not_reach_the_server() {
    let place = Place::new();
    let server = start(&place.settings()).await;
    let group = getpgid(place.ready()).expect("it is alive");
    assert_ne!(group, getpgrp());
    server.stop().await;
}
