//! Sends of 64 connections, each in a conversation of its own (one row lock for all would cripple what we divide by) and
//! all in one, against a transaction per message, without and with NOTIFY inside it, and once more where a commit takes
//! the 3 ms that it takes on many a disk.

use std::cell::Cell;
use std::rc::Rc;

use super::client::Ask;
use super::rounds::{CONNECTIONS, Candidate, Cost, Plan, Requests, Server, interleaved};
use super::seed::{self, Shape};
use super::servers::{self, Bare};
use super::support::Database;
use super::table::{Line, Target};

/// Waits 3 ms before each flush, so that others may join it.
const SLOW_COMMITS: [&str; 3] = [
    "alter system set commit_delay = 3000",
    "alter system set commit_siblings = 0",
    "select pg_reload_conf()",
];
const AS_THEY_WERE: [&str; 3] = [
    "alter system reset commit_delay",
    "alter system reset commit_siblings",
    "select pg_reload_conf()",
];

/// Both programs, with the same pairs of people.
struct Arena {
    service: Server,
    bare: Server,
}

pub async fn measure(plan: Plan) -> Vec<Line> {
    let shape = Shape::pairs(CONNECTIONS as i64);
    let app = servers::service(&shape, 1).await;
    let bare = Bare::start(&shape, "").await;
    let arena = Arena {
        service: servers::server(&app, 0).await,
        bare: bare.server.clone(),
    };
    let mut lines = Vec::new();
    for (place, is_one) in [
        ("each in its own conversation", false),
        ("all in one", true),
    ] {
        eprintln!("  {place}");
        let costs = arena.costs(plan, is_one).await;
        // A row lock held by a neighbour is no fair comparison: only told.
        let target = |target| (!is_one).then_some(target);
        let names = ["one transaction per message", "NOTIFY inside it"];
        let targets = [Target::AtLeast(2.0, 3.5), Target::AtLeast(4.0, 6.0)];
        for ((name, wanted), other) in names.iter().zip(targets).zip(&costs[1..]) {
            let figure = format!("sends, 64 connections, {place} ÷ {name}");
            lines.push(Line::ratio(&figure, costs[0], *other, target(wanted)));
        }
    }
    eprintln!("  with commits of 3 ms");
    alter(&app.database, &SLOW_COMMITS).await;
    let costs = arena.costs(plan, false).await;
    alter(&app.database, &AS_THEY_WERE).await;
    lines.push(Line::ratio(
        "sends, 64 connections, commit_delay=3000 commit_siblings=0 ÷ one transaction per message",
        costs[0],
        costs[1],
        None,
    ));
    lines.push(Line::ratio(
        "sends, 64 connections, commit_delay=3000 commit_siblings=0 ÷ NOTIFY inside it",
        costs[0],
        costs[2],
        Some(Target::AtLeast(20.0, 40.0)),
    ));
    lines
}

async fn alter(database: &Database, statements: &[&str]) {
    for statement in statements {
        database.execute(statement).await;
    }
}

impl Arena {
    /// The service, a transaction per message, the same with NOTIFY.
    async fn costs(&self, plan: Plan, is_one: bool) -> Vec<Cost> {
        let candidate = |name, server: &Server, path| Candidate {
            name,
            server: server.clone(),
            requests: messages(path, is_one),
        };
        let candidates = [
            candidate("send", &self.service, |id| {
                format!("/v1/conversations/{id}/messages")
            }),
            candidate("bare: a transaction", &self.bare, |id| {
                format!("/transaction/{id}")
            }),
            candidate("bare: a transaction with NOTIFY", &self.bare, |id| {
                format!("/notify/{id}")
            }),
        ];
        interleaved(plan, &candidates).await
    }
}

/// New messages without end, each with an id of its own.
fn messages(path: fn(uuid::Uuid) -> String, is_one: bool) -> Requests {
    let asks: Vec<_> = (1..=CONNECTIONS)
        .map(|n| {
            let c = if is_one { 1 } else { n };
            let path = path(seed::conversation(c as i64));
            // Two people, turn by turn.
            Ask::post(&path, "").by(&seed::token(c, 1 + n % 2))
        })
        .collect();
    let (run, count) = (uuid::Uuid::new_v4().simple(), Cell::new(0_u64));
    Rc::new(move |n, _| {
        count.set(count.get() + 1);
        asks[n].saying(format!(
            "{{\"content\":\"Is the bike still there? I could come by on Saturday.\",\"clientMessageId\":\"{run}-{}\"}}",
            count.get()
        ))
    })
}
