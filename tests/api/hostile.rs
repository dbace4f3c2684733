//! What hostile input gets: an answer that says what is wrong, from a service that goes on as before.

mod addresses;
mod bodies;
mod fields;
mod headers;
mod wire;

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::Value;

use crate::refusals::Scene;
use crate::support::Instance;
use wire::{Case, Reply};

const READYZ: &str = "GET /readyz HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n";

/// What the corpus is made of: who asks, and about what.
struct Target {
    alice: String,
    service: String,
    conversation: String,
    message: String,
    /// A cursor that is good.
    cursor: String,
}

impl Target {
    /// The head of a request of Alice's, up to the last of her headers.
    fn head(&self, method: &str, path: &str) -> String {
        self.head_by(&self.alice, method, path)
    }

    fn head_by(&self, token: &str, method: &str, path: &str) -> String {
        let path = self.path(path);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        )
    }

    fn path(&self, path: &str) -> String {
        path.replace("{conversation}", &self.conversation)
            .replace("{message}", &self.message)
            .replace("{cursor}", &self.cursor)
    }

    /// JSON of Alice's; of the host's backend where only it may send it.
    fn json(&self, what: String, method: &str, path: &str, body: &[u8]) -> Case {
        let is_users = path.starts_with("/v1/users");
        let by = if is_users { &self.service } else { &self.alice };
        let head = self.head_by(by, method, path) + "Content-Type: application/json\r\n";
        Case::new(what, &head, body)
    }
}

/// The most memory that the process had since the peak was last reset, in KiB.
pub fn peak(instance: &Instance) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid()));
    let status = status.expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.expect("VmHWM in kB").parse().expect("a number")
}

pub fn reset_peak(instance: &Instance) {
    let path = format!("/proc/{}/clear_refs", instance.pid());
    std::fs::write(path, "5").expect("the process is ours");
}

/// What is wrong with the answer, if anything.
fn fault(case: &Case, reply: &Reply) -> Option<String> {
    let status = match reply.status {
        None if !case.is_http => return None,
        None => return Some(format!("no answer, reset: {}", reply.was_reset)),
        Some(status) => status,
    };
    if status >= 500 {
        return Some(format!("{status}"));
    }
    if reply.head.contains("x-injected") || reply.head.contains("\nset-cookie") {
        return Some(format!("a header of the client's own: {}", reply.head));
    }
    if !case.is_http {
        return None;
    }
    if reply.was_reset {
        return Some(format!("{status}, then a reset"));
    }
    if status < 400 && case.what.ends_with("by a form") {
        return Some(format!("{status}"));
    }
    if status < 400 || case.bytes.starts_with(b"HEAD") {
        return None;
    }
    let problem: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    let is_problem = reply
        .head
        .contains("content-type: application/problem+json")
        && problem["status"] == status
        && problem["code"].is_string();
    (!is_problem).then(|| format!("{status}, no problem+json: {}", reply.head))
}

#[tokio::test]
async fn hostile_input_is_refused_and_changes_nothing_about_the_service() {
    let scene = Scene::set().await;
    let instance = &scene.app.instances[0];
    let target = Target {
        alice: scene.alice.token.clone(),
        service: scene.service.token.clone(),
        cursor: scene.alice.cursor().await,
        conversation: scene.conversation.clone(),
        message: scene.message.clone(),
    };
    let corpus: Vec<Case> = [
        bodies::cases(&target),
        fields::cases(&target),
        addresses::cases(&target),
        headers::cases(&target),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(corpus.len() >= 300, "{}", corpus.len());
    let address = instance.url.trim_start_matches("http://");
    let still_there = Case::raw("readiness", READYZ);
    reset_peak(instance);
    let before = peak(instance);
    let mut tried = Vec::new();
    for some in corpus.chunks(8) {
        let replies = join_all(some.iter().map(|case| case.send(address))).await;
        let ready = still_there.send(address).await.status;
        let after: Vec<_> = some.iter().map(|case| &case.what).collect();
        assert_eq!(ready, Some(200), "after one of {after:?}");
        tried.extend(some.iter().zip(replies));
    }
    let grown = peak(instance) - before;
    let mut faults = Vec::new();
    let mut by_status = BTreeMap::<_, usize>::new();
    for (case, reply) in &tried {
        *by_status.entry(reply.status).or_default() += 1;
        faults.extend(fault(case, reply).map(|fault| format!("{}: {fault}", case.what)));
    }
    println!(
        "{} hostile requests, by status {by_status:?}; peak memory + {grown} KiB from {before} KiB",
        tried.len()
    );
    assert!(
        faults.is_empty(),
        "{}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert!(grown <= 32 * 1024, "peak memory grew by {grown} KiB");
    is_as_before(&scene).await;
}

/// Alice talks to Bob as if nothing had been.
async fn is_as_before(scene: &Scene) {
    let alice = &scene.alice;
    let said = alice.say(&scene.conversation, "Bonsoir").await;
    assert_eq!(said.status, 201, "{}", said.text);
    let path = format!("/v1/messages/{}", scene.message);
    assert_eq!(alice.get(&path).await.ok()["isDeleted"], false);
    let log = scene.app.instances[0].log();
    assert!(!log.contains("panicked"), "{log}");
}
