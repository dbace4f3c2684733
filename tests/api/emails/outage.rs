//! A server that is well, busy, away, stuck and unwilling in turn, while e-mails come all the time: each is sent once, but
//! for those that were refused for good.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::server::Smtp;
use super::{plain, post, site};
use crate::support::{Person, eventually};

/// How long each of it lasts, and how long the server is away: `CAUSERIE_TEST_FULL` gives the long form.
fn phases() -> (Duration, Duration) {
    let seconds = Duration::from_secs;
    match std::env::var_os("CAUSERIE_TEST_FULL") {
        Some(_) => (seconds(8), seconds(60)),
        None => (seconds(2), seconds(5)),
    }
}

/// One e-mail after the other for so long; gives where to ask for each.
async fn send(service: &Person, places: &mut Vec<String>, duration: Duration) {
    let began = Instant::now();
    while began.elapsed() < duration {
        let subject = format!("no. {}", places.len());
        places.push(post(service, &plain(&subject)).await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Until an e-mail has met with it: those that hang keep others waiting.
async fn meets(smtp: &Smtp, mode: &str) {
    eventually(mode, async || {
        let tried = smtp.tried();
        tried.iter().any(|one| one["mode"] == mode).then_some(())
    })
    .await;
}

/// How often each came, by its Message-ID.
fn count(lines: &[Value], id: impl Fn(&Value) -> &Value) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(id(line).to_string()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn an_outage_of_every_kind_loses_nothing_and_repeats_nothing() {
    let (each, away) = phases();
    let mut smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let mut places = Vec::new();
    send(&service, &mut places, each).await;
    smtp.is_to("450");
    send(&service, &mut places, each).await;
    // Whatever it had taken before, it has said so: it answers one after the other.
    meets(&smtp, "450").await;
    smtp.stop().await;
    send(&service, &mut places, away).await;
    smtp.is_to("accept");
    smtp.start_again().await;
    send(&service, &mut places, each).await;
    for mode in ["hang", "550", "accept"] {
        smtp.is_to(mode);
        send(&service, &mut places, each).await;
        meets(&smtp, mode).await;
    }

    let (mut done, mut dead, mut attempts) = (0, 0, 0);
    for place in &places {
        // What failed six times pauses for a minute and a half.
        let email = ended(&service, place).await;
        attempts += email["attempts"].as_i64().expect("a number");
        match email["state"].as_str() {
            Some("DONE") => done += 1,
            _ => {
                let why = email["error"].as_str().expect("why");
                assert!(why.contains("550"), "{email}");
                dead += 1;
            }
        }
    }
    let accepted = count(&smtp.accepted(), |one| &one["headers"]["message-id"]);
    let tried = smtp.tried();
    let refused = tried.iter().filter(|one| one["mode"] == "550");
    let refused: BTreeSet<_> = refused.map(|one| one["id"].to_string()).collect();
    assert!(accepted.values().all(|times| *times == 1), "{accepted:?}");
    assert!(accepted.keys().all(|id| !refused.contains(id)));
    assert_eq!((accepted.len(), refused.len()), (done, dead));
    assert_eq!(done + dead, places.len(), "nothing is lost");
    assert!(dead > 0, "the server was unwilling");
    println!(
        "{} e-mails, {attempts} attempts, the server away for {} s: {done} sent once, {dead} refused for good, 0 lost",
        places.len(),
        away.as_secs()
    );
}

async fn ended(service: &Person, place: &str) -> Value {
    let began = Instant::now();
    loop {
        let email = service.get(place).await.ok();
        if email["state"] == "DONE" || email["state"] == "DEAD" {
            return email;
        }
        assert!(began.elapsed() < Duration::from_secs(400), "{email}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
