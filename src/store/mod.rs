//! All SQL. One file per noun, functions from a connection to model types; `writer` is the only way to write to the log.

pub mod batch;
pub mod blanking;
pub mod catchup;
pub mod changes;
pub mod committed;
mod content;
mod conversation_rows;
pub mod conversations;
pub mod create;
mod create_all;
pub mod deliveries;
pub mod digest_sweep;
pub mod digests;
pub mod edits;
pub mod emails;
pub mod ephemeral;
pub mod erasure;
pub mod export;
pub mod handouts;
pub mod identity;
pub mod job_list;
pub mod jobs;
pub mod joins;
pub mod log;
mod mailed;
pub mod members;
pub mod message_receipts;
mod message_rows;
pub mod messages;
mod new_messages;
mod new_notifications;
pub mod new_reminders;
mod notices;
pub mod notifications;
pub mod notified;
pub mod notify;
pub mod preferences;
pub mod presence;
mod queue;
pub mod receipts;
pub mod reminded;
pub mod reminders;
pub mod remnants;
pub mod render;
pub mod revisions;
pub mod revocations;
pub mod roles;
pub mod scheduled;
pub mod send;
pub mod status;
pub mod sync;
pub mod tickets;
pub mod trace;
pub mod unread;
pub mod users;
pub mod writer;

use std::time::Duration;

use rocket::figment::Figment;
use rocket_db_pools::Database;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, FromRow, PgConnection, PgPool, Postgres};

use crate::error::{Code, Error, Result};

/// The pool for requests. The writer, the tail, the listener and those who notify each have a connection of their own.
#[derive(Database, Clone)]
#[database("causerie")]
pub struct Db(Pool);

/// rocket_db_pools' own sqlx support is for sqlx 0.7; this is the same for 0.9.
#[derive(Clone)]
pub struct Pool(PgPool);

#[rocket::async_trait]
impl rocket_db_pools::Pool for Pool {
    type Connection = PoolConnection<Postgres>;
    type Error = rocket_db_pools::Error<sqlx::Error>;

    async fn init(figment: &Figment) -> std::result::Result<Self, Self::Error> {
        let config: rocket_db_pools::Config = figment.extract()?;
        let options = connect_options(&config.url).map_err(rocket_db_pools::Error::Init)?;
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections as u32)
            .min_connections(config.min_connections.unwrap_or(1))
            .acquire_timeout(Duration::from_secs(config.connect_timeout))
            // A connection that died while idle is noticed by the ping that sqlx does before handing it out.
            .connect_lazy_with(options.options([
                ("statement_timeout", "5s"),
                ("lock_timeout", "2s"),
                // An instance that stands still lets go of what others wait for.
                ("idle_in_transaction_session_timeout", "5s"),
                // For an inbox, planning anew each time cost as much as reading it.
                ("plan_cache_mode", "force_generic_plan"),
            ]));
        Ok(Self(pool))
    }

    async fn get(&self) -> std::result::Result<Self::Connection, Self::Error> {
        self.0.acquire().await.map_err(rocket_db_pools::Error::Get)
    }

    /// Called when the port closes, and those who are sent away are still read for: the pool stays open, to the end of
    /// the process. The moment is for idle kept-alive connections to end in; while one is open, Rocket waits its whole
    /// `grace`.
    async fn close(&self) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every connection of the service goes by this: its name shows in `pg_stat_activity`, and commits wait for the disk.
pub fn connect_options(url: &str) -> std::result::Result<PgConnectOptions, sqlx::Error> {
    let options: PgConnectOptions = url.parse()?;
    let options = options.application_name("causerie").options([
        ("synchronous_commit", "on"),
        ("timezone", "UTC"),
        // Short statements all: compiling one costs more than running it.
        ("jit", "off"),
    ]);
    Ok(options.disable_statement_logging())
}

/// For the writer and the tail, whose statements find rows by their keys, a batch at a time: always by the index, and
/// planned once. Left to the statistics of a young table, the planner read it whole for each batch (18 ms for 32
/// messages after 20,000, and growing; by the index 0.5 ms).
pub const POINT_LOOK_UPS: [(&str, &str); 4] = [
    ("enable_seqscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("plan_cache_mode", "force_generic_plan"),
];

/// The longest a request waits for SQL. The server's own `statement_timeout` does not fire when the server stands still.
const PATIENCE: Duration = Duration::from_secs(6);

impl From<PgPool> for Db {
    fn from(pool: PgPool) -> Self {
        Self(Pool(pool))
    }
}

impl Db {
    /// A pooled connection, for as long as one read takes. Never held while waiting for anything else.
    pub async fn connection(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.0.0.acquire().await?)
    }

    pub fn pool(&self) -> &PgPool {
        &self.0.0
    }
}

/// Ends a read that the database does not answer: 503 rather than a request that hangs.
pub async fn bounded<T>(read: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(PATIENCE, read).await {
        Ok(result) => result,
        Err(_) => {
            Err(Error::from(Code::Unavailable).because("the database did not answer in time"))
        }
    }
}

/// Cuts what was read, one row more than a page takes, to the page. Gives where the next one goes on, if there is one.
fn cut<T, K>(rows: &mut Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Option<K> {
    let has_more = rows.len() as i64 > limit;
    rows.truncate(limit as usize);
    rows.last().filter(|_| has_more).map(key)
}

/// Applies what of `migrations/` the database does not have yet. Several instances may do so at once: sqlx takes a lock.
pub async fn migrate(
    connection: &mut PgConnection,
) -> std::result::Result<(), sqlx::migrate::MigrateError> {
    sqlx::migrate!().run(connection).await
}

/// Counts one statement by kind. Everything that is sent to Postgres goes through here or the two functions below,
/// so that "an idle poll does no SQL" can be read off `/metrics`.
pub fn count(kind: &'static str) {
    metrics::counter!("causerie_sql_statements_total", "kind" => kind).increment(1);
}

/// A counted statement.
pub fn query(
    kind: &'static str,
    text: &'static str,
) -> sqlx::query::Query<'static, Postgres, PgArguments> {
    count(kind);
    sqlx::query(text)
}

/// A counted statement whose rows are `T`.
pub fn query_as<T: for<'r> FromRow<'r, PgRow>>(
    kind: &'static str,
    text: &'static str,
) -> sqlx::query::QueryAs<'static, Postgres, T, PgArguments> {
    count(kind);
    sqlx::query_as(text)
}
