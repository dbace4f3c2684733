//! Requests that are begun and never finished: nginx keeps them to itself, and everybody else is served as before.

use std::time::{Duration, Instant};

use futures::future::join_all;
use reqwest::{Client, Method};
use serde_json::json;

use crate::connection::send_half;
use crate::figures::{allow_descriptors, alone, descriptors, is_full, percentile, sized};
use crate::support::nginx::Nginx;
use crate::support::{App, PATIENCE, Person};

/// Pages that go on as usual, on a connection each.
const PAGES: usize = 8;
const REQUESTS: usize = 250;

/// Each page polls and sends in turn, a while apart; how long each answer took.
async fn usual(people: &[Person], conversation: &str) -> Vec<Duration> {
    let pages = people.iter().map(async |person| {
        let client = Client::builder().timeout(PATIENCE).build();
        let client = client.expect("a client");
        let send = format!("{}/v1/conversations/{conversation}/messages", person.base);
        let poll = format!("{}/v1/events?since={}", person.base, person.cursor().await);
        let mut took = Vec::new();
        for n in 0..REQUESTS {
            let request = if n % 5 == 0 {
                let body = json!({ "content": n.to_string() });
                client.request(Method::POST, &send).json(&body)
            } else {
                client.request(Method::GET, &poll)
            };
            let asked = Instant::now();
            let answer = request.bearer_auth(&person.token).send().await;
            let answer = answer.expect("an answer");
            assert!(answer.status().is_success(), "{}", answer.status());
            answer.bytes().await.expect("a whole answer");
            took.push(asked.elapsed());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        took
    });
    join_all(pages).await.concat()
}

/// Half of them stop inside the headers, half inside the body.
async fn half_sent(
    person: &Person,
    conversation: &str,
    number: usize,
) -> Vec<tokio::net::TcpStream> {
    let headers = format!(
        "POST /v1/conversations/{conversation}/messages HTTP/1.1\r\nHost: causerie\r\nAuthorization: Bearer {}\r\n",
        person.token
    );
    let body = format!(
        "{headers}Content-Type: application/json\r\nContent-Length: 2000\r\n\r\n{{\"content\":\"never to be read"
    );
    let mut open = Vec::new();
    for n in 0..number {
        let bytes = if n % 2 == 0 { &headers } else { &body };
        open.push(send_half(&person.base, bytes.as_bytes()).await);
    }
    open
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_requests_through_nginx_leave_everybody_else_as_fast() {
    let _alone = alone().await;
    let number = sized(1_000);
    allow_descriptors(3 * number as u64 + 1_000);
    let app = App::start().await;
    let (alice, _, _) = app.two_people_talking().await;
    let nginx = Nginx::as_recommended(&app.instances).await;
    let people: Vec<_> = (0..PAGES)
        .map(|n| Person::new(&nginx.url, &format!("h{n}")))
        .collect();
    for person in &people {
        person.get("/v1/me").await.ok();
    }
    let ids: Vec<_> = people.iter().map(|person| &person.id).collect();
    let group = json!({ "type": "GROUP", "memberIds": ids });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let group = group["id"].as_str().expect("an id");
    // What is done once is done before.
    usual(&people, group).await;
    let before = percentile(&usual(&people, group).await, 99);
    let open = half_sent(&people[0], group, number).await;
    let during = percentile(&usual(&people, group).await, 99);
    let sockets = descriptors(&app.instances[0]);
    let ratio = during.as_secs_f64() / before.as_secs_f64();
    println!(
        "{number} half-sent requests through nginx: p99 of the others {during:?}, without them {before:?}: \
         {ratio:.2} × (target 2 ×); {sockets} descriptors of the service are open"
    );
    assert!(
        sockets < 100 + number / 10,
        "nginx passes them on: {sockets}"
    );
    if is_full() {
        assert!(ratio <= 2.0, "{ratio:.2}");
    }
    drop(open);
}
