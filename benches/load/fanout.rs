//! A burst of messages to a group of 1,000 whose members each hold a stream, against the same bytes through Rocket's own
//! EventStream: from the first message sent until every stream has every message.

use futures::future::join_all;

use super::client::{Ask, Connection};
use super::idle::Idle;
use super::readers::{MARK, Readers};
use super::rounds::{CONNECTIONS, Cost, Meter, Plan, Server};
use super::seed::{self, Shape};
use super::servers::{self, Bare};
use super::table::{Line, Target};

const STREAMS: usize = 1000;
/// Messages of one burst: two of each connection.
const BURST: usize = 2 * CONNECTIONS;
const TARGET: Target = Target::AtLeast(4.0, 6.0);

pub async fn measure(plan: Plan) -> Vec<Line> {
    let shape = Shape {
        members: "1000",
        ..Shape::pairs(1)
    };
    let app = servers::service(&shape, 1).await;
    let service = servers::server(&app, 0).await;
    let bare = Bare::start(&Shape::pairs(1), "").await;
    let post = post();
    let payload = payload(&service, &post).await;

    let stream = |n| Ask::get("/v1/events/stream").by(&seed::token(1, n));
    let members = Readers::open(&service.url, (1..=STREAMS).map(stream).collect()).await;
    let subscribers = vec![Ask::get("/stream"); STREAMS];
    let subscribers = Readers::open(&bare.server.url, subscribers).await;
    let burst = Ask::post(&format!("/burst?times={BURST}"), payload);
    let (mut ours, mut other) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        let posts = vec![vec![post.clone(); BURST / CONNECTIONS]; CONNECTIONS];
        ours.push(deliver(&service, &members, posts).await);
        other.push(deliver(&bare.server, &subscribers, vec![vec![burst.clone()]]).await);
    }
    let (ours, other) = (Cost::median(&ours), Cost::median(&other));
    let figure = format!("burst of {BURST} to {STREAMS} streams, deliveries ÷ EventStream");
    vec![Line::ratio(&figure, ours, other, TARGET)]
}

fn post() -> Ask {
    let path = format!("/v1/conversations/{}/messages", seed::conversation(1));
    let body =
        format!("{{\"content\":\"The meeting is moved to Thursday, eight o'clock {MARK}\"}}");
    Ask::post(&path, body).by(&seed::token(1, 1))
}

/// One event as the service serialises it.
async fn payload(service: &Server, post: &Ask) -> String {
    let mut connection = Connection::open(&service.url).await;
    let idle = Idle::of(&mut connection, &seed::token(1, 2)).await;
    connection.ask(post).await;
    let page = connection.ask(&idle.poll).await;
    let page: serde_json::Value = serde_json::from_slice(&page).expect("a page");
    let events = page["events"].as_array().expect("events");
    events.last().expect("what was sent").to_string()
}

/// Sends what each connection has to send, and waits until it is everywhere.
async fn deliver(server: &Server, readers: &Readers, posts: Vec<Vec<Ask>>) -> Cost {
    let open = posts.iter().map(|_| Connection::open(&server.url));
    let connections = join_all(open).await;
    let before = readers.received();
    let deliveries = STREAMS * BURST;
    let meter = Meter::start(server);
    let send = connections
        .into_iter()
        .zip(posts)
        .map(async |(mut c, posts)| {
            for post in posts {
                c.ask(&post).await;
            }
        });
    tokio::join!(join_all(send), readers.until(before + deliveries));
    meter.stop(deliveries)
}
