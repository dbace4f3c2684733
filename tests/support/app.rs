//! The service as a process: started as anybody would start it, ended by its pid.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, Command};

use super::{Database, PATIENCE, Person, SECRET, eventually};

/// Tests ask for more than people do. `settings` with `limits={…}` takes the place of this.
const NO_LIMITS: &str =
    "limits={sends_per_second=0,conversations_per_hour=0,refused_tokens_per_minute=0,streams=0}";

/// One or more instances of the service on one database.
pub struct App {
    pub database: Database,
    pub instances: Vec<Instance>,
}

/// One process.
pub struct Instance {
    pub url: String,
    pub child: Child,
    /// What it wrote to standard error.
    log: Arc<Mutex<Vec<String>>>,
    /// What it wrote to standard output.
    output: Arc<Mutex<Vec<String>>>,
}

impl App {
    pub async fn start() -> Self {
        Self::with(1, "").await
    }

    /// `settings` in Rocket's own notation, below `[default.causerie]`, for example `ring={events=16}`.
    pub async fn with(instances: usize, settings: &str) -> Self {
        let mut app = Self {
            database: Database::create().await,
            instances: Vec::new(),
        };
        for _ in 0..instances {
            app.add(settings, &[]).await;
        }
        app
    }

    /// One more instance, with more of the environment.
    pub async fn add(&mut self, settings: &str, environment: &[(&str, &str)]) -> &Instance {
        let instance = Instance::start(&self.database.url, settings, environment).await;
        self.instances.push(instance);
        self.instances.last().expect("just pushed")
    }

    /// Somebody with a token, on the first instance. Their row is made by their first request.
    pub fn person(&self, id: &str) -> Person {
        Person::new(&self.instances[0].url, id)
    }

    /// Two people in a conversation, and its id.
    pub async fn two_people_talking(&self) -> (Person, Person, String) {
        let (alice, bob) = (self.person("alice"), self.person("bob"));
        bob.get("/v1/me").await.ok();
        let conversation = alice.converse_with("bob").await;
        (alice, bob, conversation)
    }
}

impl Instance {
    pub async fn start(database_url: &str, settings: &str, environment: &[(&str, &str)]) -> Self {
        let started = std::time::Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_causerie"));
        command
            .env("DATABASE_URL", database_url)
            .env("CAUSERIE_JWT_SECRET", SECRET)
            .env("ROCKET_PORT", "0")
            .env(
                "ROCKET_CAUSERIE",
                format!("{{demo=false,{NO_LIMITS},{settings}}}"),
            )
            .env("RUST_LOG", "causerie=info,warn")
            .envs(environment.iter().copied())
            .current_dir(PathBuf::from(env!("CARGO_MANIFEST_DIR")))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let log = Arc::new(Mutex::new(Vec::new()));
        let errors = BufReader::new(child.stderr.take().expect("piped")).lines();
        tokio::spawn(keep(errors, log.clone()));
        let output = Arc::new(Mutex::new(Vec::new()));
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let url = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line())
                .await
                .expect("it says where it listens")
                .expect("readable");
            let line = line.unwrap_or_else(|| {
                panic!(
                    "it ended at its start: {:?}",
                    log.lock().expect("no test panics with it")
                )
            });
            output.lock().expect("no test panics").push(line.clone());
            if let Some((_, url)) = line.split_once(" listens on ") {
                break url.to_owned();
            }
        };
        tokio::spawn(keep(lines, output.clone()));
        let instance = Self {
            url,
            child,
            log,
            output,
        };
        eventually("readiness", async || {
            (instance.status("/readyz").await == Some(200)).then_some(())
        })
        .await;
        assert!(started.elapsed() < PATIENCE);
        instance
    }

    /// The status of a GET without a token, or none when nobody answers.
    pub async fn status(&self, path: &str) -> Option<u16> {
        let get = reqwest::Client::new()
            .get(format!("{}{path}", self.url))
            .timeout(Duration::from_secs(10));
        get.send().await.ok().map(|answer| answer.status().as_u16())
    }

    /// The sum of a metric over all its labels.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = reqwest::get(format!("{}/metrics", self.url))
            .await
            .expect("metrics")
            .text()
            .await
            .expect("text");
        let values = text.lines().filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))
        });
        values
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    }

    pub fn log(&self) -> String {
        self.log.lock().expect("no test panics with it").join("\n")
    }

    pub fn output(&self) -> String {
        self.output.lock().expect("no test panics").join("\n")
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().expect("it runs") as i32)
    }

    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is ours");
    }

    /// Waits for its end and gives its exit code; none when a signal killed it.
    pub async fn exit_code(&mut self) -> Option<i32> {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .expect("it ends")
            .expect("it was ours")
            .code()
    }
}

async fn keep<R: AsyncRead + Unpin>(mut lines: Lines<BufReader<R>>, to: Arc<Mutex<Vec<String>>>) {
    while let Ok(Some(line)) = lines.next_line().await {
        to.lock().expect("no test panics with it").push(line);
    }
}
