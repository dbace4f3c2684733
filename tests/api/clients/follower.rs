//! A client of somebody else's making, as a process of its own that follows a stream and prints what it hears.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::support::{Person, eventually};

/// Who follows, and how they say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Curl,
    HttpxSse,
    SseclientPy,
    EventsourceByTicket,
    EventsourceByCookie,
    EventsourceByHeader,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::Curl,
        Self::HttpxSse,
        Self::SseclientPy,
        Self::EventsourceByTicket,
        Self::EventsourceByCookie,
        Self::EventsourceByHeader,
    ];
}

/// One event, as the client printed it.
#[derive(Debug, Clone, Deserialize)]
pub struct Heard {
    /// Empty where the frame had none.
    pub id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub data: Value,
}

pub struct Follower {
    pub kind: Kind,
    heard: Arc<Mutex<Vec<Heard>>>,
    _process: Child,
}

impl Follower {
    /// Opens `person`'s stream after `since`, and gives the follower once it has been greeted.
    pub async fn start(kind: Kind, person: &Person, since: &str) -> Self {
        let mut url = format!("{}/v1/events/stream?since={since}", person.base);
        let mut command = match kind {
            Kind::Curl => program("bash", "curl.sh"),
            Kind::HttpxSse => program(tool("venv/bin/python"), "httpx_client.py"),
            Kind::SseclientPy => program(tool("venv/bin/python"), "sseclient_client.py"),
            _ => program("node", "eventsource.mjs"),
        };
        match kind {
            Kind::EventsourceByTicket => {
                let ticket = person.post("/v1/stream-tickets", &json!({})).await.ok();
                url = format!(
                    "{url}&ticket={}",
                    ticket["ticket"].as_str().expect("a ticket")
                );
            }
            Kind::EventsourceByCookie => drop(command.env("COOKIE", &person.token)),
            _ => drop(command.env("TOKEN", &person.token)),
        }
        command
            .env("URL", &url)
            .env("NODE_MODULES_OF", tool("node"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut process = command.spawn().unwrap_or_else(|error| {
            panic!("{kind:?}: {error}; script/test installs what it needs")
        });
        let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let kept = heard.clone();
        tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let event = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("{kind:?} printed {line}: {error}"));
                kept.lock().expect("no test panics with it").push(event);
            }
        });
        let follower = Self {
            kind,
            heard,
            _process: process,
        };
        eventually(&format!("{kind:?} is greeted"), async || {
            (follower.connections() > 0).then_some(())
        })
        .await;
        follower
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("no test panics with it").clone()
    }

    /// How often it was greeted.
    pub fn connections(&self) -> usize {
        self.heard()
            .iter()
            .filter(|event| event.kind == "hello")
            .count()
    }

    /// How often its connection ended without a `goodbye`.
    pub fn cuts(&self) -> usize {
        let (mut cuts, mut open) = (0, false);
        for event in self.heard() {
            match event.kind.as_str() {
                "hello" => {
                    cuts += usize::from(open);
                    open = true;
                }
                "goodbye" => open = false,
                _ => {}
            }
        }
        cuts
    }

    /// The messages, in the order in which they came.
    pub fn messages(&self) -> Vec<Heard> {
        self.heard()
            .into_iter()
            .filter(|event| event.kind == "message.created")
            .collect()
    }

    /// Each of `count` messages once and in order, each under its cursor, and each connection from where the last was.
    pub fn assert_nothing_lost_or_repeated(&self, count: usize) {
        let kind = self.kind;
        let messages = self.messages();
        let seqs: Vec<_> = messages
            .iter()
            .filter_map(|event| event.data["data"]["message"]["seq"].as_u64())
            .collect();
        assert_eq!(seqs, (1..=count as u64).collect::<Vec<_>>(), "{kind:?}");
        assert!(
            messages
                .iter()
                .all(|event| event.data["cursor"] == event.id.as_str()),
            "{kind:?}: ids are cursors"
        );
        let mut last: Option<String> = None;
        for event in self.heard() {
            if event.kind == "hello" {
                let from = last.as_ref().unwrap_or(&event.id);
                assert_eq!(
                    &event.id, from,
                    "{kind:?}: resumes from the last id it was given"
                );
            }
            assert!(event.kind != "resync", "{kind:?}: {event:?}");
            last = Some(event.id).filter(|id| !id.is_empty()).or(last);
        }
    }
}

fn program(interpreter: impl AsRef<std::ffi::OsStr>, script: &str) -> Command {
    let mut command = Command::new(interpreter);
    command.arg(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/clients")
            .join(script),
    );
    command
}

/// What script/tools has installed.
fn tool(name: &str) -> PathBuf {
    let here = std::env::var_os("CAUSERIE_TEST_TOOLS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/tools"),
        PathBuf::from,
    );
    let found = here.join(name);
    assert!(
        found.exists(),
        "{} is not there: run script/test, which installs it",
        found.display()
    );
    found
}
