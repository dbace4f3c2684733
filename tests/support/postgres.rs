//! One Postgres for all tests of a run: the one of `DATABASE_URL`, or an embedded one. A database for each test.

use std::sync::OnceLock;

use causerie::embedded::{Embedded, Settings};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

/// A database of a test's own, with its address.
pub struct Database {
    pub url: String,
    pub name: String,
}

/// Where tests may create databases: a URL that ends in a database's name.
fn admin_url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(|| match std::env::var("DATABASE_URL") {
        Ok(url) => url,
        Err(_) => embedded(),
    })
}

/// Starts the embedded server on a thread that lives as long as the tests: each test's own runtime ends with it.
fn embedded() -> String {
    let (send, receive) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            remove_what_dead_runs_left();
            let directory =
                std::env::temp_dir().join(format!("causerie-tests-{}", std::process::id()));
            let settings = Settings {
                data_dir: Some(directory),
                pg_bin: std::env::var_os("PG_BIN").map(Into::into),
            };
            let embedded = Embedded::start(&settings)
                .await
                .expect("PostgreSQL is installed: see script/test");
            send.send(embedded.admin_url())
                .expect("the first test waits for this");
            std::future::pending::<()>().await;
        });
    });
    receive.recv().expect("an embedded Postgres")
}

/// The directories of a run, `causerie-tests-PID` and `causerie-chaos-PID.N`, outlive it: its servers stop only when the run
/// has ended.
pub fn remove_what_dead_runs_left() {
    let found = std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten();
    for entry in found {
        let name = entry.file_name();
        let name = name.to_str().unwrap_or_default();
        let tests = name.strip_prefix("causerie-tests-");
        let chaos = name.strip_prefix("causerie-chaos-");
        let pid = tests.or_else(|| chaos?.split('.').next());
        if pid.is_some_and(|pid| !std::path::Path::new("/proc").join(pid).exists()) {
            // Another user's, or a server that is still stopping: the next run tries again.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Database {
    pub async fn create() -> Self {
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        let admin = admin_url();
        let mut connection = PgConnection::connect(admin)
            .await
            .expect("Postgres answers");
        connection
            .execute(AssertSqlSafe(format!("create database {name}")))
            .await
            .expect("a database of its own");
        Self {
            url: with_database(admin, &name),
            name,
        }
    }

    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url)
            .await
            .expect("Postgres answers")
    }

    /// Runs one statement.
    pub async fn execute(&self, sql: &str) {
        self.connect()
            .await
            .execute(AssertSqlSafe(sql.to_owned()))
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One number.
    pub async fn number(&self, sql: &str) -> i64 {
        let query = sqlx::query_scalar(AssertSqlSafe(sql.to_owned()));
        query
            .fetch_one(&mut self.connect().await)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Process ids of every Postgres backend and helper of the whole server.
    pub async fn every_process(&self) -> Vec<i32> {
        sqlx::query_scalar("select pid from pg_stat_activity where pid <> pg_backend_pid()")
            .fetch_all(&mut self.connect().await)
            .await
            .expect("pg_stat_activity")
    }
}

fn with_database(url: &str, name: &str) -> String {
    let (front, query) = url
        .split_once('?')
        .map_or((url, None), |(front, query)| (front, Some(query)));
    let (server, _) = front.rsplit_once('/').expect("a URL with a database");
    match query {
        Some(query) => format!("{server}/{name}?{query}"),
        None => format!("{server}/{name}"),
    }
}
