//! The command line: `serve` by default.

use causerie::auth::{Claims, mint};
use causerie::checks;
use causerie::config::{self, Config};
use causerie::doctor;
use causerie::logging;
use causerie::routes;
use causerie::serve::{AnyError, Storage, serve};
use causerie::store::{connect_options, identity};
use clap::{Parser, Subcommand};
use rocket::figment::Figment;
use sqlx::{Connection, PgConnection};

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
    /// Print what of the settings is unsafe in production; fails when the service would refuse to start there.
    Check,
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

fn main() -> std::process::ExitCode {
    let _flushed_at_the_end = logging::start();
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
        Command::Check => check(&figment),
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
            let config = Config::read(&figment)?;
            let secret = config.jwt_secret();
            let secret = secret.ok_or("no secret here to sign with: set CAUSERIE_JWT_SECRET")?;
            println!("{}", mint(secret, &claims)?);
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

fn check(figment: &Figment) -> Result<(), AnyError> {
    let found = checks::examine(&Config::read(figment)?, figment);
    for finding in &found {
        let word = if finding.is_refused {
            "refused"
        } else {
            "warning"
        };
        println!("{word} {}: {}", finding.check, finding.advice);
    }
    match found.iter().filter(|finding| finding.is_refused).count() {
        0 => {
            println!("{} warnings, nothing that is refused", found.len());
            Ok(())
        }
        refused => Err(format!("{refused} of them keep the service from starting").into()),
    }
}
