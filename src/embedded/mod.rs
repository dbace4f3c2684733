//! The private Postgres that runs where no `DATABASE_URL` is given, so that one command starts everything.
//!
//! It is our child and ends with us, even by `kill -9` (`supervisor`). It listens on a Unix socket in a directory that
//! only its own user may enter, and nowhere else; so nobody is asked for a password. `home` is the data directory
//! (`owner`: whose it is), `binaries` finds PostgreSQL's programs, `cluster` makes and sets what they run on. Durability
//! is Postgres's own: nothing here turns it down.

mod binaries;
mod cluster;
mod error;
mod home;
mod owner;
mod supervisor;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use binaries::Binaries;
use cluster::{clear_pid_file, initdb, pid_lines, server_args};
pub use error::EmbeddedError;
use home::Home;
use supervisor::Supervised;

/// Recovery after a crash replays at most `max_wal_size`; this is far above it.
const READY: Duration = Duration::from_secs(300);
/// The supervisor is less kind after 30 s, and Postgres kills what does not heed that after 5 s more.
const STOP: Duration = Duration::from_secs(45);
/// The log is emptied above this size, and at a start put aside as `postgres.log.1`.
const LOG_BYTES: u64 = 8 * 1024 * 1024;

/// Where the private Postgres lives. `None` is the default.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `CAUSERIE_DATA_DIR`; else `/var/lib/causerie` for root, `~/.local/share/causerie` for anybody else.
    pub data_dir: Option<PathBuf>,
    /// `PG_BIN`, a directory that holds `postgres` and `initdb`; else they are searched for.
    pub pg_bin: Option<PathBuf>,
}

/// A running private Postgres. Dropping it tells the server to stop, without waiting; [`Embedded::stop`] waits.
pub struct Embedded {
    // In this order: the server is told to stop before the directory is given up.
    server: Supervised,
    sockets: PathBuf,
    home: Home,
    _log: JoinSet<()>,
}

impl Embedded {
    /// Makes the data directory if needed, starts the server, waits until it answers, and sees to the database `causerie`.
    pub async fn start(settings: &Settings) -> Result<Self, EmbeddedError> {
        let home = Home::open(settings.data_dir.as_deref()).await?;
        let lock = home.wait_for_predecessor().await?;
        let data = home.data();
        let version = home.version();
        let existing = version.map(|version| (home.dir(), version));
        let binaries = Binaries::find(settings.pg_bin.as_deref(), existing, home.owner()).await?;
        let log = home.open_log(LOG_BYTES)?;
        if version.is_none() {
            initdb(&home, &binaries, &lock, &log).await?;
        }
        clear_pid_file(&data)?;
        let sockets = home.sockets()?;
        let args = server_args(
            &data,
            &sockets,
            binaries
                .has_library("pg_stat_statements", home.owner())
                .await,
        );
        let written = home::length(&log);
        let server = Supervised::spawn(
            &binaries.program("postgres"),
            &args,
            home.owner(),
            home.dir(),
            &lock,
            &log,
        )?;
        let mut started = Self {
            server,
            sockets,
            home,
            _log: JoinSet::new(),
        };
        started.wait_until_ready(&log, written).await?;
        let log_path = started.home.log_path();
        create_database(&started.admin_url())
            .await
            .map_err(|source| EmbeddedError::Database {
                log: log_path,
                source,
            })?;
        started._log.spawn(keep_short(log));
        Ok(started)
    }

    /// The URL of the database `causerie`.
    pub fn url(&self) -> String {
        self.url_of("causerie")
    }

    /// The URL of the database `postgres`, from which others can be created.
    pub fn admin_url(&self) -> String {
        self.url_of("postgres")
    }

    fn url_of(&self, database: &str) -> String {
        // Port and sslmode are spelled out, because PGPORT and PGSSLMODE in the environment would be taken otherwise.
        let host = home::percent_encoded(&self.sockets);
        format!("postgres://postgres@{host}:5432/{database}?sslmode=disable")
    }

    /// Stops the server as `pg_ctl stop -m fast` does, and waits until it is gone.
    pub async fn stop(mut self) {
        self.server.ask_to_stop();
        if timeout(STOP, self.server.wait()).await.is_err() {
            tracing::error!(log = %self.home.log_path().display(), "PostgreSQL does not stop");
        }
        if !self.sockets.starts_with(self.home.dir()) {
            let _ = fs::remove_dir(&self.sockets);
        }
    }

    async fn wait_until_ready(&mut self, log: &File, written: u64) -> Result<(), EmbeddedError> {
        let data = self.home.data();
        let begun = Instant::now();
        let mut patience = Duration::from_secs(5);
        loop {
            if let Some(status) = self.server.ended() {
                return Err(EmbeddedError::Failed {
                    program: "postgres",
                    status: status.to_string(),
                    log: self.home.log_path(),
                    tail: home::tail(log, written),
                });
            }
            // Line 8 is the status; `clear_pid_file` has removed the file of an earlier server.
            if pid_lines(&data)
                .get(7)
                .is_some_and(|status| status == "ready")
            {
                return Ok(());
            }
            if begun.elapsed() > READY {
                return Err(EmbeddedError::NotReady {
                    log: self.home.log_path(),
                    seconds: READY.as_secs(),
                    tail: home::tail(log, written),
                });
            }
            if begun.elapsed() > patience {
                tracing::info!(
                    "still waiting for PostgreSQL, which may be recovering after a crash"
                );
                patience += Duration::from_secs(10);
            }
            sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn create_database(admin_url: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(admin_url).await?;
    let exists: bool =
        sqlx::query_scalar("select exists (select from pg_database where datname = 'causerie')")
            .fetch_one(&mut connection)
            .await?;
    if !exists {
        sqlx::query("create database causerie")
            .execute(&mut connection)
            .await?;
    }
    connection.close().await
}

/// Empties the log when it has grown too long. The server appends, so it goes on at the new end.
async fn keep_short(log: File) {
    loop {
        sleep(Duration::from_secs(60)).await;
        if home::length(&log) > LOG_BYTES {
            let _ = log.set_len(0);
        }
    }
}
