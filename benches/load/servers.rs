//! What is measured and what it is measured against: the service, and the bare program, each on a database of its own
//! with the same people in it.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::process::Postgres;
use super::rounds::Server;
use super::seed::{self, Shape};
use super::support::{App, Database, SECRET};

/// The service on a seeded database.
pub async fn service(shape: &Shape, instances: usize) -> App {
    let mut app = App {
        database: seed::database(shape).await,
        instances: Vec::new(),
    };
    for _ in 0..instances {
        // Only what is out of the ordinary: a line per request would be measured too, and costs the same everywhere.
        app.add("", &[]).await;
    }
    app
}

/// One instance, as something to measure.
pub async fn server(app: &App, instance: usize) -> Server {
    let instance = &app.instances[instance];
    let server = Server {
        url: instance.url.clone(),
        pid: instance.pid().as_raw(),
        postgres: Some(Postgres::of(&app.database).await),
    };
    eprintln!("    causerie is process {}", server.pid);
    server
}

/// The bare program, for as long as this is held.
pub struct Bare {
    pub server: Server,
    _child: Child,
    _database: Database,
}

impl Bare {
    /// `constant`: the body of its idle answers.
    pub async fn start(shape: &Shape, constant: &str) -> Self {
        let database = seed::database(shape).await;
        let program = build().await;
        let mut child = Command::new(program)
            .env("DATABASE_URL", &database.url)
            .env("CAUSERIE_JWT_SECRET", SECRET)
            .env("BARE_CONSTANT", constant)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the bare program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let url = lines.next_line().await.expect("readable");
        let server = Server {
            url: url.expect("it says where it listens"),
            pid: child.id().expect("it runs") as i32,
            postgres: Some(Postgres::of(&database).await),
        };
        eprintln!("    the bare program is process {}", server.pid);
        Self {
            server,
            _child: child,
            _database: database,
        }
    }
}

/// Cargo builds no examples for a benchmark, so this asks it to; where it is built already, that takes a moment.
async fn build() -> String {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--example", "bare"])
        .arg("--message-format=json")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .await
        .expect("cargo runs");
    assert!(built.status.success(), "the bare program does not build");
    let messages = String::from_utf8_lossy(&built.stdout).into_owned();
    let mut messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let bare = messages.find(|message| message["target"]["name"] == "bare");
    let program = bare.and_then(|message| Some(message["executable"].as_str()?.to_owned()));
    program.expect("an executable")
}
