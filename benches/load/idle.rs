//! An idle poll (token, membership, cursor checked) against a constant answer of Rocket, and against the same poll
//! answered by one SELECT.

use std::rc::Rc;

use http_body_util::BodyExt;
use hyper::header::{ETAG, IF_NONE_MATCH};

use super::client::{Ask, Connection};
use super::rounds::{CONNECTIONS, Candidate, Plan, Requests, Server, interleaved};
use super::seed::{self, Shape};
use super::servers::{self, Bare};
use super::table::{Line, Target};

const PER_CONSTANT: Target = Target::AtLeast(1.0, 1.2);
const PER_SELECT: Target = Target::AtLeast(2.8, 3.5);

pub async fn measure(plan: Plan) -> Vec<Line> {
    let shape = Shape::pairs(CONNECTIONS as i64);
    let app = servers::service(&shape, 1).await;
    let server = servers::server(&app, 0).await;
    let mut idles = Vec::new();
    for c in 1..=CONNECTIONS {
        let mut connection = Connection::open(&server.url).await;
        idles.push(Idle::of(&mut connection, &seed::token(c, 1)).await);
    }
    let bare = Bare::start(&shape, &idles[0].body).await;
    let ask_bare = |path: &str| -> Requests {
        let asks: Vec<_> = (1..=CONNECTIONS)
            .map(|c| Ask::get(path).by(&seed::token(c, 1)))
            .collect();
        Rc::new(move |n, _| asks[n].clone())
    };
    let candidate = |name, server: &Server, requests| Candidate {
        name,
        server: server.clone(),
        requests,
    };
    let known: Vec<_> = idles.iter().map(Idle::conditional).collect();
    let costs = interleaved(
        plan,
        &[
            candidate(
                "idle poll, 304",
                &server,
                Rc::new(move |n, _| known[n].clone()),
            ),
            candidate(
                "idle poll, 200",
                &server,
                Rc::new(move |n, _| idles[n].poll.clone()),
            ),
            candidate("bare: a constant", &bare.server, ask_bare("/constant")),
            candidate(
                "bare: one SELECT",
                &bare.server,
                ask_bare("/select?since=1000000000000"),
            ),
        ],
    )
    .await;
    let mut lines = Vec::new();
    for (status, poll) in [(304, costs[0]), (200, costs[1])] {
        for (against, other, target) in [
            ("bare Rocket JSON", costs[2], PER_CONSTANT),
            ("one SELECT", costs[3], PER_SELECT),
        ] {
            let figure = format!("idle poll, {status} ÷ {against}");
            lines.push(Line::ratio(&figure, poll, other, target));
        }
    }
    lines
}

/// A poll that finds nothing, of one person.
pub struct Idle {
    pub poll: Ask,
    pub etag: String,
    pub body: String,
}

impl Idle {
    pub async fn of(connection: &mut Connection, token: &str) -> Self {
        let page = connection.ask(&Ask::get("/v1/events").by(token)).await;
        let page: serde_json::Value = serde_json::from_slice(&page).expect("a page");
        let cursor = page["cursor"].as_str().expect("a cursor");
        let poll = Ask::get(&format!("/v1/events?since={cursor}")).by(token);
        let answer = connection.start(&poll).await;
        let etag = answer.headers()[ETAG].to_str().expect("text").to_owned();
        let body = answer.into_body().collect().await.expect("a whole answer");
        let body = String::from_utf8(body.to_bytes().to_vec()).expect("text");
        Self { poll, etag, body }
    }

    /// Answered by 304.
    pub fn conditional(&self) -> Ask {
        self.poll.clone().with(IF_NONE_MATCH, &self.etag)
    }
}
