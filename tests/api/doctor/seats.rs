//! The seats of the diagnostics: whoever may ask needs no token, so nobody may hold them all, or for long.

use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;

use crate::support::{App, eventually};

/// Behind a proxy that says who asks.
async fn app() -> App {
    App::with(1, "trusted_proxies=[\"127.0.0.1\"]").await
}

async fn ask(app: &App, address: &str, path: &str) -> Response {
    let url = format!("{}/v1/diagnostics/{path}", app.instances[0].url);
    let get = Client::new().get(url).header("X-Forwarded-For", address);
    get.send().await.expect("an answer")
}

#[tokio::test]
async fn an_address_has_four_seats_and_leaves_the_others_theirs() {
    let app = app().await;
    let stream = "stream?seconds=100";
    let mut held = Vec::new();
    for seat in 0..16 {
        let one = ask(&app, &format!("192.0.2.{}", seat / 4), stream).await;
        assert_eq!(one.status(), 200, "seat {seat}");
        held.push(one);
        if seat == 3 {
            let fifth = ask(&app, "192.0.2.0", stream).await;
            assert_eq!(fifth.status(), 503);
            assert!(fifth.headers().contains_key("Retry-After"));
            let problem: Value = fifth.json().await.expect("a problem");
            assert_eq!(problem["code"], "diagnostics-full");
        }
    }
    let more = ask(&app, "192.0.2.99", stream).await;
    assert_eq!(more.status(), 503, "all sixteen are taken");
}

#[tokio::test]
async fn the_many_addresses_of_a_network_are_one() {
    let app = app().await;
    let mut held = Vec::new();
    for host in 1..=4 {
        held.push(ask(&app, &format!("2001:db8:0:1::{host}"), "stream?seconds=100").await);
    }
    let same = ask(&app, "2001:db8:0:1::5", "stream?seconds=100").await;
    assert_eq!(same.status(), 503);
    let other = ask(&app, "2001:db8:0:2::5", "stream?seconds=100").await;
    assert_eq!(other.status(), 200);
}

#[tokio::test]
async fn who_goes_away_gives_the_seats_back_at_the_next_word() {
    let app = app().await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(ask(&app, "192.0.2.1", "stream?seconds=120&every=2").await);
    }
    assert_eq!(ask(&app, "192.0.2.1", "stream").await.status(), 503);
    drop(held);
    eventually("a seat is free, long before the streams' end", async || {
        let answer = tokio::time::timeout(Duration::from_secs(5), ask(&app, "192.0.2.1", "stream"));
        (answer.await.ok()?.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nobody_is_silent_or_waits_for_longer_than_a_seat_may_be_lost() {
    let app = app().await;
    for (path, status) in [
        ("stream?every=15", 200),
        ("stream?every=16", 400),
        ("stream?seconds=120", 200),
        ("stream?seconds=121", 400),
        ("wait?seconds=51", 400),
    ] {
        assert_eq!(
            ask(&app, "192.0.2.1", path).await.status(),
            status,
            "{path}"
        );
    }
}
