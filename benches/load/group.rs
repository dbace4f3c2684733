//! What a send costs to a group of 1,000, against one to a pair, while the same 1,000 people poll every 3 s. Once they only
//! poll; once each of them that has found something new says that it was read, as an open page does.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use futures::future::{join, join_all};

use super::client::{Ask, Connection};
use super::rounds::{Cost, Meter, Plan, Server, median};
use super::seed::{self, Shape};
use super::servers;
use super::table::{Line, Target, three_digits};

const MEMBERS: usize = 1000;
const RHYTHM: Duration = Duration::from_secs(3);
/// Each sends this often; ten a second is a lively group.
const PAUSE: Duration = Duration::from_millis(100);
const ROUND: Duration = Duration::from_secs(6);
const TARGET: Target = Target::AtMost(3.0, 1.5);
const GROUP: i64 = 1;
const PAIR: i64 = 2;

pub async fn measure(plan: Plan) -> Vec<Line> {
    let shape = Shape {
        members: "case c when 1 then 1000 else 2 end",
        ..Shape::pairs(2)
    };
    let app = servers::service(&shape, 1).await;
    let server = servers::server(&app, 0).await;
    // The two of the pair poll as well.
    let people = (1..=MEMBERS).map(|n| (GROUP, n));
    let people: Vec<_> = people.chain([(PAIR, 1), (PAIR, 2)]).collect();
    let mut members = Vec::new();
    for (c, n) in people {
        members.push(Member::new(&server, c, n).await);
    }
    let mut lines = Vec::new();
    for (reading, does) in [(false, "polling"), (true, "polling and reading")] {
        let (mut group, mut pair) = (Vec::new(), Vec::new());
        for _ in 0..plan.rounds {
            group.push(round(&server, &mut members, GROUP, reading).await);
            pair.push(round(&server, &mut members, PAIR, reading).await);
        }
        let (group, pair) = (middle(&group), middle(&pair));
        let figure = format!("a send to a group of 1,000 ÷ to a pair, members {does}");
        let ms = [group.0, pair.0].map(three_digits);
        let cpu = [group.1, pair.1].map(|cost| three_digits(cost.cpu() / 1000.0));
        lines.push(
            Line::new(&figure, group.0 / pair.0, "", TARGET)
                .seen(format!("p50 {} ms ÷ {} ms", ms[0], ms[1]))
                .cpu(format!("with all its polls {} ms ÷ {} ms", cpu[0], cpu[1])),
        );
    }
    lines
}

fn middle(rounds: &[(f64, Cost)]) -> (f64, Cost) {
    let (times, costs): (Vec<_>, Vec<_>) = rounds.iter().copied().unzip();
    (median(times), Cost::median(&costs))
}

/// Somebody's open page.
struct Member {
    connection: Connection,
    token: String,
    conversation: i64,
    cursor: String,
}

/// The median time of a send in milliseconds, and CPU per send of all that went on.
async fn round(
    server: &Server,
    members: &mut [Member],
    conversation: i64,
    reading: bool,
) -> (f64, Cost) {
    let ended = Rc::new(Cell::new(false));
    let all = members.len();
    let polls = members.iter_mut().enumerate().map(|(n, member)| {
        let first = RHYTHM.mul_f64(n as f64 / all as f64);
        member.poll_until(ended.clone(), first, reading)
    });
    let send = async {
        let mut connection = Connection::open(&server.url).await;
        let path = format!(
            "/v1/conversations/{}/messages",
            seed::conversation(conversation)
        );
        let post = Ask::post(&path, "{\"content\":\"Bonjour\"}")
            .by(&seed::token(conversation as usize, 1));
        // Everybody polls, and has what came before.
        tokio::time::sleep(RHYTHM).await;
        let meter = Meter::start(server);
        let began = Instant::now();
        let mut times = Vec::new();
        while began.elapsed() < ROUND {
            let asked = Instant::now();
            connection.ask(&post).await;
            times.push(asked.elapsed().as_secs_f64() * 1000.0);
            tokio::time::sleep(PAUSE).await;
        }
        let cost = meter.stop(times.len());
        ended.set(true);
        (median(times), cost)
    };
    join(send, join_all(polls)).await.0
}

impl Member {
    async fn new(server: &Server, conversation: i64, n: usize) -> Self {
        let mut connection = Connection::open(&server.url).await;
        let token = seed::token(conversation as usize, n);
        let page = connection.ask(&Ask::get("/v1/events").by(&token)).await;
        Self {
            connection,
            token,
            conversation,
            cursor: cursor(&page),
        }
    }

    async fn poll_until(&mut self, ended: Rc<Cell<bool>>, first: Duration, reading: bool) {
        tokio::time::sleep(first).await;
        while !ended.get() {
            let next = tokio::time::Instant::now() + RHYTHM;
            let path = format!("/v1/events?since={}", self.cursor);
            let page = self.connection.ask(&Ask::get(&path).by(&self.token)).await;
            let has_events = !contains(&page, b"\"events\":[]");
            self.cursor = cursor(&page);
            if reading && has_events {
                let id = seed::conversation(self.conversation);
                let read = Ask::post(&format!("/v1/conversations/{id}/read"), "{}");
                self.connection.ask(&read.by(&self.token)).await;
            }
            tokio::time::sleep_until(next).await;
        }
    }
}

/// The page's own, without parsing what may be long: it comes second, before all events.
fn cursor(page: &[u8]) -> String {
    let text = std::str::from_utf8(page).expect("text");
    let (_, rest) = text.split_once("\"cursor\":\"").expect("a cursor");
    rest.split('"').next().expect("its end").to_owned()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
