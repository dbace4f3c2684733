//! A real SMTP server as a process: aiosmtpd, told by files what to do.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{PATIENCE, eventually};

pub struct Smtp {
    pub port: u16,
    folder: PathBuf,
    child: Child,
}

impl Drop for Smtp {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port on which nobody listens now.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn python() -> PathBuf {
    let tools = std::env::var_os("CAUSERIE_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    );
    let python = tools.join("venv/bin/python");
    assert!(
        python.exists(),
        "{} is not there: script/test makes it",
        python.display()
    );
    python
}

async fn run(folder: &Path) -> (Child, u16) {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/api/emails/server.py");
    let mut child = Command::new(python())
        .arg(program)
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Python runs");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
    let line = line.expect("it starts").expect("readable").expect("a line");
    let port = line
        .strip_prefix("port ")
        .and_then(|port| port.parse().ok());
    (child, port.expect("a port"))
}

impl Smtp {
    pub async fn start() -> Self {
        Self::with(json!({ "port": 0 })).await
    }

    pub async fn with(settings: Value) -> Self {
        let name = format!("causerie-smtp-{}", uuid::Uuid::now_v7());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir(&folder).expect("a folder of its own");
        std::fs::write(folder.join("settings"), settings.to_string()).expect("written");
        std::fs::write(folder.join("mode"), "accept").expect("written");
        let (child, port) = run(&folder).await;
        Self {
            port,
            folder,
            child,
        }
    }

    /// Goes away. Who is in the middle of something is cut off.
    pub async fn stop(&mut self) {
        self.child.kill().await.expect("it was there");
    }

    /// Is back, at the same port.
    pub async fn start_again(&mut self) {
        let settings = json!({ "port": self.port });
        std::fs::write(self.folder.join("settings"), settings.to_string()).expect("written");
        self.child = run(&self.folder).await.0;
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// What becomes of messages from now on.
    pub fn is_to(&self, mode: &str) {
        // By renaming: it is never read half written.
        let next = self.folder.join("next-mode");
        std::fs::write(&next, mode).expect("written");
        std::fs::rename(next, self.folder.join("mode")).expect("renamed");
    }

    fn lines(&self, name: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let lines = whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"));
        lines.collect()
    }

    /// The messages that it said it has, in their order.
    pub fn accepted(&self) -> Vec<Value> {
        self.lines("accepted")
    }

    /// The messages that came as far as their text.
    pub fn tried(&self) -> Vec<Value> {
        self.lines("tried")
    }

    /// Waits for so many, and says that there are no more.
    pub async fn has(&self, count: usize) -> Vec<Value> {
        let found = eventually("an e-mail", async || {
            let accepted = self.accepted();
            (accepted.len() >= count).then_some(accepted)
        })
        .await;
        assert_eq!(found.len(), count, "{found:#?}");
        found
    }
}
