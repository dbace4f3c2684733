//! A Postgres cluster of one scenario's own, which may be killed, filled and put back: nobody else's data is in it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use causerie::embedded::{Embedded, Settings};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection};

use crate::support::proxy::Upstream;
use crate::support::{eventually, remove_what_dead_runs_left};

pub struct Cluster {
    /// None while it is down.
    embedded: Option<Embedded>,
    pub home: PathBuf,
    url: String,
}

impl Cluster {
    pub async fn start() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        remove_what_dead_runs_left();
        let (run, number) = (std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let name = format!("causerie-chaos-{run}.{number}");
        Self::start_in(std::env::temp_dir().join(name)).await
    }

    pub async fn start_in(home: PathBuf) -> Self {
        let embedded = start(&home).await;
        Self {
            url: embedded.url(),
            embedded: Some(embedded),
            home,
        }
    }

    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Its socket, past every proxy.
    pub fn socket(&self) -> Upstream {
        let options: PgConnectOptions = self.url.parse().expect("a URL of ours");
        let directory = options.get_socket().expect("it listens on a socket");
        Upstream::Unix(directory.join(format!(".s.PGSQL.{}", options.get_port())))
    }

    /// A connection past every proxy, to the service's database.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url)
            .await
            .expect("Postgres answers")
    }

    /// One to another database of the cluster.
    pub async fn connect_to(&self, database: &str) -> PgConnection {
        let options: PgConnectOptions = self.url.parse().expect("a URL of ours");
        let connection = options.database(database).connect().await;
        connection.expect("Postgres answers")
    }

    /// Runs statements, each on its own.
    pub async fn execute(&self, statements: &[&str]) {
        let mut connection = self.connect().await;
        for sql in statements {
            let done = connection.execute(AssertSqlSafe((*sql).to_owned())).await;
            done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    /// Kills the server's first process, as the kernel does where memory is short, and waits for the end of them all.
    pub async fn kill(&mut self) {
        let file = std::fs::read_to_string(self.data().join("postmaster.pid"));
        let file = file.expect("the server runs");
        let pid = file.lines().next().and_then(|pid| pid.trim().parse().ok());
        let pid = Pid::from_raw(pid.expect("a process id"));
        kill(pid, Signal::SIGKILL).expect("it is ours");
        eventually("the end of Postgres", async || {
            kill(pid, None).is_err().then_some(())
        })
        .await;
        self.embedded = None;
    }

    /// Kills one connection's process. Postgres then ends all others and recovers; returns when it accepts connections.
    pub async fn kill_a_backend(&self, rng: &mut StdRng) {
        let mut witness = self.connect().await;
        let pids: Vec<i32> = sqlx::query_scalar(
            "select pid from pg_stat_activity where application_name like 'causerie%' order by pid",
        )
        .fetch_all(&mut witness)
        .await
        .expect("pg_stat_activity");
        let pid = pids.choose(rng).expect("the service is connected");
        kill(Pid::from_raw(*pid), Signal::SIGKILL).expect("it is ours");
        eventually("the end of all connections", async || {
            witness.ping().await.is_err().then_some(())
        })
        .await;
        eventually("the recovery of Postgres", async || {
            PgConnection::connect(&self.url).await.ok().map(drop)
        })
        .await;
    }

    /// Returns when it accepts connections, having recovered.
    pub async fn start_again(&mut self) {
        // What holds the directory is let go of first.
        self.embedded = None;
        self.embedded = Some(start(&self.home).await);
    }

    /// What Postgres has said since it was first started.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("postgres.log")).unwrap_or_default()
    }

    pub async fn stop(&mut self) {
        if let Some(embedded) = self.embedded.take() {
            embedded.stop().await;
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.embedded = None;
        // A server that is still stopping may write meanwhile: the next run removes the rest.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

async fn start(home: &Path) -> Embedded {
    let settings = Settings {
        data_dir: Some(home.to_owned()),
        pg_bin: std::env::var_os("PG_BIN").map(Into::into),
    };
    let started = tokio::time::timeout(Duration::from_secs(120), Embedded::start(&settings));
    started
        .await
        .expect("Postgres starts")
        .expect("PostgreSQL is installed: see script/test")
}
