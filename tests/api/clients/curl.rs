//! Single requests by curl.

use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::support::Person;

/// What curl printed, taken apart.
pub struct Printed {
    pub status: u16,
    /// In lower case, as they came, without the status line.
    pub head: String,
    pub body: Value,
}

impl Printed {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The messages' texts of a page of events.
    pub fn contents(&self) -> Vec<&str> {
        let events = self.body["events"].as_array().into_iter().flatten();
        events
            .filter_map(|event| event["data"]["message"]["content"].as_str())
            .collect()
    }

    pub fn cursor(&self) -> &str {
        self.body["cursor"].as_str().expect("a cursor")
    }
}

/// `curl -i` as `person`, with more arguments.
pub async fn curl(person: &Person, path: &str, more: &[&str]) -> Printed {
    let (_, printed) = run(person, path, &[&["-i"], more].concat()).await;
    let (head, body) = printed
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no head in {printed:?}"));
    let (first, head) = head.split_once("\r\n").expect("headers");
    Printed {
        status: first
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .expect("a status"),
        head: head
            .lines()
            .map(|line| {
                line.split_once(": ")
                    .map_or_else(String::new, |(name, value)| {
                        format!("{}: {value}\n", name.to_lowercase())
                    })
            })
            .collect(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}

/// curl's exit code, and all that it printed.
pub async fn run(person: &Person, path: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new("curl");
    command
        .args([
            "-q",
            "-sN",
            "--noproxy",
            "*",
            "-H",
            &format!("Authorization: Bearer {}", person.token),
        ])
        .args(arguments);
    command
        .arg(format!("{}{path}", person.base))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = command
        .output()
        .await
        .expect("curl is installed: see script/test");
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("text"),
    )
}
