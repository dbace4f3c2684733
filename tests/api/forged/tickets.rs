//! Forged and broken tickets: none opens a stream, and a good one opens nothing else.

use std::collections::BTreeSet;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{routes, told};
use crate::support::{App, Person};

/// What may be made of a ticket (32 hexadecimal digits) by who has seen one.
fn forged(ticket: &str) -> Vec<String> {
    let changed = (0..ticket.len()).map(|at| {
        let other = if &ticket[at..=at] == "0" { "1" } else { "0" };
        format!("{}{other}{}", &ticket[..at], &ticket[at + 1..])
    });
    let half = ticket.len() / 2;
    let more = [
        String::new(),
        "x".to_owned(),
        "0".repeat(32),
        "f".repeat(32),
        "0".repeat(9000),
        ticket.to_uppercase(),
        ticket.chars().rev().collect(),
        ticket[..half].to_owned(),
        ticket[1..].to_owned(),
        format!("{ticket}0"),
        format!("{ticket}%00"),
        format!("%20{ticket}"),
        format!("{ticket}%20"),
        format!("{ticket}%0d%0a"),
        format!("{ticket},{ticket}"),
        format!("0x{ticket}"),
        format!("\\x{ticket}"),
        "%27%20or%20true%20--".to_owned(),
        "..%2f..%2fdev%2fnull".to_owned(),
        "%ff%fe".to_owned(),
    ];
    changed.chain(more).collect()
}

async fn asked(request: RequestBuilder) -> (StatusCode, String) {
    let answer = request.send().await.expect("the service answers");
    let status = answer.status();
    let body = match status.is_success() {
        true => String::new(),
        false => told(answer.json::<Value>().await.expect("a problem")).to_string(),
    };
    (status, body)
}

#[tokio::test]
async fn no_forged_ticket_opens_a_stream_and_a_good_one_opens_nothing_else() {
    let site = "https://site.example";
    let app = App::with(
        1,
        &format!("origins=[\"{site}\",\"https://other.example\"]"),
    )
    .await;
    let (base, client) = (&app.instances[0].url, Client::new());
    let alice = app.person("alice");
    let bought = client
        .post(format!("{base}/v1/stream-tickets"))
        .bearer_auth(&alice.token)
        .header("Origin", site)
        .json(&json!({}));
    let bought = Person::new(base, "alice").send(bought).await.ok();
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let stream = |ticket: &str, origin: &str| {
        client
            .get(format!("{base}/v1/events/stream?ticket={ticket}"))
            .header("Origin", origin)
    };
    let mut refusals = BTreeSet::new();
    let forged = forged(ticket);
    assert!(forged.len() >= 40, "{}", forged.len());
    for one in &forged {
        let (status, body) = asked(stream(one, site)).await;
        // The digits of a good one in capitals are other digits.
        assert_eq!(status, 401, "{one}");
        refusals.insert(body);
    }
    let elsewhere = asked(stream(ticket, "https://other.example")).await;
    assert_eq!(elsewhere.0, 401, "the ticket of another site");
    refusals.insert(elsewhere.1);
    assert_eq!(refusals.len(), 1, "{refusals:#?}");

    let mut nameless = BTreeSet::new();
    for (method, path) in routes() {
        if path.ends_with("/events/stream") {
            continue;
        }
        for sent in [ticket, &forged[0]] {
            let mark = if path.contains('?') { '&' } else { '?' };
            let request =
                client.request(method.clone(), format!("{base}{path}{mark}ticket={sent}"));
            let request = match method {
                Method::GET => request,
                _ => request.json(&json!({})),
            };
            let (status, body) = asked(request).await;
            assert_eq!(status, 401, "{method} {path}");
            nameless.insert(body);
        }
    }
    assert_eq!(nameless.len(), 1, "{nameless:#?}");
    assert_eq!(asked(stream(ticket, site)).await.0, 200);
    println!("{} forged tickets, one body", forged.len() + 1);
}
