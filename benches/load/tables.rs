//! What each request costs where ten or a hundred times as much is stored, and to somebody with 10,000 conversations
//! rather than 10. One connection asks, one request at a time, all of them in turn.

use std::time::{Duration, Instant};

use super::client::{Ask, Connection};
use super::rounds::{Cost, Meter, Plan, Server, median};
use super::seed::{self, Shape};
use super::servers;
use super::support::Person;
use super::table::{Line, Target, three_digits};

/// `few` has conversations 1 to 10, `many` the next 10,000. Everybody else is in one.
const OWNER: &str = "case when c <= 10 then 'few' when c <= 10010 then 'many' else c || '-1' end";
const IN_EACH: i64 = 25;
/// How long one kind of one person is asked for in one round: CPU is counted in hundredths of a second.
const ROUND: Duration = Duration::from_secs(1);

const PER_SIZE: Target = Target::AtMost(1.5, 1.2);
const PER_CONVERSATIONS: Target = Target::AtMost(3.0, 1.5);

/// Somebody, in a database of some size.
struct Reader<'s> {
    server: &'s Server,
    token: String,
    /// One of theirs.
    conversation: uuid::Uuid,
}

/// The median times in milliseconds, and what they cost.
struct Seen {
    ms: f64,
    cost: Cost,
}

pub async fn measure(plan: Plan) -> Vec<Line> {
    let (messages, name) = if plan.is_full {
        (5_000_000, "5,000,000")
    } else {
        (500_000, "500,000")
    };
    let shape = |messages| Shape {
        messages: IN_EACH,
        owner: OWNER,
        ..Shape::pairs(messages / IN_EACH)
    };
    let small = servers::service(&shape(50_000), 1).await;
    let large = servers::service(&shape(messages), 1).await;
    let (small, large) = (
        servers::server(&small, 0).await,
        servers::server(&large, 0).await,
    );
    let reader = |server, user, c| Reader {
        server,
        token: Person::new("", user).token,
        conversation: seed::conversation(c),
    };
    let readers = [
        reader(&small, "few", 1),
        reader(&large, "few", 1),
        reader(&large, "many", 11),
    ];
    let mut lines = Vec::new();
    for kind in ["send", "history", "unread", "inbox page", "catch-up"] {
        let [of_small, of_large, of_many] = compare(plan, &readers, kind).await;
        let figure = format!("{kind}: {name} messages ÷ 50,000");
        lines.push(ratio(&figure, &of_large, &of_small, PER_SIZE));
        let figure = format!("{kind}: 10,000 conversations ÷ 10");
        lines.push(ratio(&figure, &of_many, &of_large, PER_CONVERSATIONS));
    }
    lines
}

fn ratio(figure: &str, more: &Seen, less: &Seen, target: Target) -> Line {
    Line::new(figure, more.ms / less.ms, "", target)
        .seen(format!(
            "{} ms ÷ {} ms",
            three_digits(more.ms),
            three_digits(less.ms)
        ))
        .cpu(format!(
            "{} µs ÷ {} µs: {}",
            three_digits(more.cost.cpu()),
            three_digits(less.cost.cpu()),
            three_digits(more.cost.cpu() / less.cost.cpu())
        ))
}

async fn compare(plan: Plan, readers: &[Reader<'_>; 3], kind: &str) -> [Seen; 3] {
    let mut times = [const { Vec::new() }; 3];
    let mut costs = [const { Vec::new() }; 3];
    for round in 0..=plan.rounds {
        for (n, reader) in readers.iter().enumerate() {
            let mut connection = Connection::open(&reader.server.url).await;
            let ask = reader.ask(kind);
            let meter = Meter::start(reader.server);
            let mut seen = Vec::new();
            let end = Instant::now() + ROUND;
            while Instant::now() < end {
                let asked = Instant::now();
                connection.ask(&ask).await;
                seen.push(asked.elapsed().as_secs_f64() * 1000.0);
            }
            // The first round makes feeds and plans, and is not counted.
            if round > 0 {
                costs[n].push(meter.stop(seen.len()));
                times[n].push(median(seen));
            }
        }
    }
    [0, 1, 2].map(|n| {
        let (ms, cost) = (median(times[n].clone()), Cost::median(&costs[n]));
        eprintln!(
            "    {kind:12} {ms:7.2} ms  {:7.0} µs of its own, {:7.0} µs of Postgres",
            cost.server, cost.postgres
        );
        Seen { ms, cost }
    })
}

impl Reader<'_> {
    fn ask(&self, kind: &str) -> Ask {
        let messages = format!("/v1/conversations/{}/messages", self.conversation);
        let ask = match kind {
            "send" => Ask::post(&messages, "{\"content\":\"Bonjour\"}"),
            "history" => Ask::get(&messages),
            "unread" => Ask::get("/v1/unread"),
            "inbox page" => Ask::get("/v1/conversations"),
            // From below what is in memory: Postgres reads it.
            "catch-up" => Ask::get("/v1/events?since=0"),
            _ => unreachable!("one of the kinds"),
        };
        ask.by(&self.token)
    }
}
