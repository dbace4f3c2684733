//! From the moment of sending to the other's stream, under light load: on the instance that took the message, and on
//! another one, for the same messages.

use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::client::{Ask, Connection};
use super::readers::{MARK, marks, next};
use super::rounds::{Plan, median, quantile};
use super::seed::{self, Shape};
use super::servers;
use super::table::{Line, Target, three_digits};

/// Messages of one round.
const MESSAGES: usize = 100;
/// Between two of them: light load, so that each is a batch of its own.
const PAUSE: Duration = Duration::from_millis(20);

pub async fn measure(plan: Plan) -> Vec<Line> {
    let app = servers::service(&Shape::pairs(1), 2).await;
    let near = app.instances[0].url.as_str();
    let mut here = stream(near).await;
    let mut there = stream(&app.instances[1].url).await;
    let path = format!("/v1/conversations/{}/messages", seed::conversation(1));
    let body = format!("{{\"content\":\"Bonjour {MARK}\"}}");
    let post = Ask::post(&path, body).by(&seed::token(1, 1));
    let mut connection = Connection::open(near).await;
    let (mut near, mut far) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds * MESSAGES {
        tokio::time::sleep(PAUSE).await;
        let sent = Instant::now();
        connection.ask(&post).await;
        for (times, stream) in [(&mut near, &mut here), (&mut far, &mut there)] {
            let arrived = stream.arrivals.recv().await.expect("an endless stream");
            times.push((arrived - sent).as_secs_f64() * 1000.0);
        }
    }
    let seen = |times: &[f64]| {
        format!(
            "p99 {} ms of {} messages",
            three_digits(quantile(times.to_vec(), 0.99)),
            times.len()
        )
    };
    let (here, there) = (median(near.clone()), median(far.clone()));
    vec![
        Line::new("send → stream, p50", here, " ms", Target::AtMost(2.0, 0.9)).seen(seen(&near)),
        Line::new(
            "the other instance adds",
            there - here,
            " ms",
            Target::AtMost(0.5, 0.25),
        )
        .seen(seen(&far)),
    ]
}

/// The second person's stream.
struct Stream {
    /// When each message came.
    arrivals: mpsc::UnboundedReceiver<Instant>,
    _reading: JoinSet<()>,
}

async fn stream(url: &str) -> Stream {
    let mut connection = Connection::open(url).await;
    let ask = Ask::get("/v1/events/stream").by(&seed::token(1, 2));
    let mut body = connection.start(&ask).await.into_body();
    next(&mut body).await;
    let (send, arrivals) = mpsc::unbounded_channel();
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let _connection = connection;
        loop {
            let bytes = next(&mut body).await;
            let now = Instant::now();
            for _ in 0..marks(&bytes) {
                if send.send(now).is_err() {
                    return;
                }
            }
        }
    });
    Stream {
        arrivals,
        _reading: reading,
    }
}
