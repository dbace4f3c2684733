//! What of a process stays in memory for each idle long-poll and each idle stream, at 5,000 of them: the connection and the
//! feeds of its people included; and what a bare Rocket program keeps. A fresh process for each figure.

use tokio::task::JoinSet;

use super::client::{Ask, Connection};
use super::process;
use super::rounds::Server;
use super::seed::{self, Shape};
use super::servers::{self, Bare};
use super::support::{App, eventually};
use super::table::{Line, Target};

const OPEN: usize = 5000;
const LONG_POLL: &str = "/v1/events?wait=50";
const STREAM: &str = "/v1/events/stream";

pub async fn measure() -> Vec<Line> {
    let mut app = servers::service(&Shape::pairs(OPEN as i64), 0).await;
    let mut lines = Vec::new();
    for (name, path, gauge, target) in [
        (
            "long-poll",
            LONG_POLL,
            "causerie_waits_open",
            Target::AtMost(24.0, 18.0),
        ),
        (
            "stream",
            STREAM,
            "causerie_streams_open",
            Target::AtMost(32.0, 22.0),
        ),
    ] {
        for users in [OPEN / 10, OPEN] {
            let kb = each(&mut app, path, gauge, users).await;
            let figure = format!("kB per idle {name}, {OPEN} of {users} users");
            eprintln!("    {figure}: {kb:.1}");
            // Ten tabs are what a user may have, one is what most have: the target is for both.
            lines.push(Line::new(&figure, kb, " kB", target));
        }
    }
    for (name, path) in [
        ("kept-alive connection", "/constant"),
        ("EventStream", "/stream"),
    ] {
        let kb = of_bare(path).await;
        let figure = format!("kB per idle {name} of a bare Rocket program, {OPEN}");
        eprintln!("    {figure}: {kb:.1}");
        lines.push(Line::new(&figure, kb, " kB", None));
    }
    lines
}

/// What the framework keeps for each: a floor for ours, but for the allocator, which is the system's there.
async fn of_bare(path: &str) -> f64 {
    let bare = Bare::start(&Shape::pairs(1), "{}").await;
    let Server { url, pid, .. } = &bare.server;
    let ask = Ask::get(path);
    let mut held = Vec::with_capacity(OPEN + 1);
    let mut before = 0.0;
    for n in 0..=OPEN {
        let mut connection = Connection::open(url).await;
        let answer = connection.start(&ask).await;
        held.push((connection, answer));
        // What the first request of a process needs is not counted.
        if n == 0 {
            before = process::resident_kb(*pid);
        }
    }
    (process::resident_kb(*pid) - before) / OPEN as f64
}

async fn each(app: &mut App, path: &str, gauge: &str, users: usize) -> f64 {
    let instance = app.add("", &[]).await;
    let pid = instance.pid().as_raw();
    // What the first requests of a process need is not counted.
    for c in 1..=20 {
        let mut connection = Connection::open(&instance.url).await;
        let poll = Ask::get("/v1/events").by(&seed::token(c, 2));
        connection.ask(&poll).await;
    }
    let before = process::resident_kb(pid);
    let tokens: Vec<_> = (1..=users).map(|c| seed::token(c, 1)).collect();
    let mut open = JoinSet::new();
    for n in 0..OPEN {
        let mut connection = Connection::open(&instance.url).await;
        let ask = Ask::get(path).by(&tokens[n % users]);
        open.spawn(async move {
            let _answer = connection.start(&ask).await;
            // A stream's head comes at once; it stays open as long as this is held.
            std::future::pending::<()>().await;
        });
    }
    eventually("all of them open", async || {
        (instance.metric(gauge).await == OPEN as f64).then_some(())
    })
    .await;
    let after = process::resident_kb(pid);
    drop(open);
    app.instances.clear();
    (after - before) / OPEN as f64
}
