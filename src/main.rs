//! The command line: `serve` by default.

use causerie::auth::{Claims, mint};
use causerie::config::{self, Config};
use causerie::doctor;
use causerie::routes;
use causerie::serve::{AnyError, Storage, serve};
use causerie::store::{connect_options, identity};
use clap::{Parser, Subcommand};
use sqlx::{Connection, PgConnection};
use tracing_subscriber::EnvFilter;

/// Many small, short-lived pieces per request, freed by other threads than made them: the system's allocator took a
/// third of the CPU time of a send.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Conversations for a site's own pages.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service (the default).
    Serve,
    /// Print a token, signed with CAUSERIE_JWT_SECRET or, in a debug build, with the development secret.
    Token {
        /// The person's id at the host site.
        id: String,
        #[arg(long)]
        name: Option<String>,
        /// `service` is the host's backend.
        #[arg(long)]
        role: Option<String>,
        #[arg(long)]
        tenant: Option<String>,
        /// How long it is good.
        #[arg(long, default_value_t = 24)]
        hours: i64,
    },
    /// Apply the migrations and stop.
    Migrate,
    /// Print the API description as YAML.
    Openapi,
    /// Look from outside at what a proxy makes of streams and long-polls, and say which setting mends it.
    Doctor {
        /// Where pages find the service, for example https://www.example.org/causerie
        url: String,
        /// How long to look at one stream: for a heartbeat at least.
        #[arg(long, default_value_t = 75, value_parser = clap::value_parser!(u64).range(20..=120))]
        seconds: u64,
    },
    /// Begin a new epoch of the log: after a restore, every cursor given out before gets 410.
    NewEpoch,
}

/// What is logged unless `RUST_LOG` says otherwise.
const LOG: &str = "causerie=info,warn,rocket=error";
/// Whatever it says: here Rocket prints the URL, query string and all, of each request that no route matches.
const NO_URLS: &str = "rocket::server::_=off";

fn main() -> std::process::ExitCode {
    let asked = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| LOG.to_owned());
    let filter = EnvFilter::try_new(format!("{asked},{NO_URLS}"))
        .unwrap_or_else(|_| EnvFilter::new(format!("{LOG},{NO_URLS}")));
    // Lines are written by a thread of their own: a request does not wait for a terminal or a pipe.
    let (errors, _flushed_at_the_end) = tracing_appender::non_blocking(std::io::stderr());
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .with_writer(errors)
        .init();
    let command = Cli::parse().command.unwrap_or(Command::Serve);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(AnyError::from)
        .and_then(|runtime| runtime.block_on(run(command)))
    {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("causerie: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), AnyError> {
    let figment = config::figment();
    match command {
        Command::Serve => serve(figment).await,
        Command::Doctor { url, seconds } => match doctor::examine(&url, seconds).await? {
            true => Ok(()),
            false => Err("not all is well with streams there: see above".into()),
        },
        Command::Openapi => {
            print!("{}", routes::openapi().to_yaml()?);
            Ok(())
        }
        Command::Token {
            id,
            name,
            role,
            tenant,
            hours,
        } => {
            let now = chrono::Utc::now().timestamp();
            let mut claims = Claims::new(&id, now, now + hours * 3600);
            (claims.name, claims.role, claims.tenant) = (name, role, tenant);
            println!("{}", mint(Config::read(&figment)?.jwt_secret(), &claims)?);
            Ok(())
        }
        Command::Migrate => {
            let storage = Storage::open(&figment, &Config::read(&figment)?).await?;
            println!("the schema is up to date");
            storage.close().await;
            Ok(())
        }
        Command::NewEpoch => {
            let storage = Storage::open(&figment, &Config::read(&figment)?).await?;
            let mut connection =
                PgConnection::connect_with(&connect_options(&storage.url)?).await?;
            println!(
                "the log's epoch is now {}",
                identity::new_epoch(&mut connection).await?
            );
            storage.close().await;
            Ok(())
        }
    }
}
