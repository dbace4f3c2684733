//! Tokens that do not hold, by the address that shows them: told by a proxy that is trusted, and by nobody else.

use std::time::Duration;

use reqwest::{Client, RequestBuilder};
use serde_json::json;

use super::{until_refused, wait_of};
use crate::listener::Listener;
use crate::support::nginx::Nginx;
use crate::support::{Answer, App, Person};

const SECOND: Duration = Duration::from_secs(1);
/// One a second, after sixty at once.
const SIXTY: &str = "limits={refused_tokens_per_minute=60}";
/// The tests themselves are the proxy.
const TRUSTED: &str = "trusted_proxies=[\"127.0.0.1\"]";

async fn app(more: &str) -> App {
    App::with(1, &format!("{SIXTY},{more}")).await
}

/// Asks for one's profile, by way of a proxy that says `from`.
async fn me(person: &Person, from: &str) -> Answer {
    let get = person.request(reqwest::Method::GET, "/v1/me");
    person.send(get.header("X-Forwarded-For", from)).await
}

/// As `id`, with a token that nobody has signed.
fn forger(app: &App, id: &str) -> Person {
    let mut forger = app.person(id);
    forger.token.truncate(forger.token.len() - 4);
    forger.token.push_str("AAAA");
    forger
}

#[tokio::test]
async fn an_address_that_shows_too_many_bad_tokens_may_only_use_those_that_were_good() {
    let app = app(TRUSTED).await;
    let known = app.person("known");
    assert_eq!(me(&known, "192.0.2.1").await.status, 200);
    let forger = forger(&app, "mallory");
    let mut tried = 0;
    let refused = until_refused(async || {
        tried += 1;
        me(&forger, "192.0.2.1").await
    });
    wait_of(&refused.await, 429, "too-many-refused-tokens", SECOND);
    assert!(tried > 60, "{tried}");
    // A good one is not even looked at, while it is new; a proxy that others stand behind changes nothing.
    let new = app.person("new");
    let refused = until_refused(async || {
        me(&forger, "192.0.2.1").await;
        me(&new, "6.6.6.6, 192.0.2.1").await
    })
    .await;
    let wait = wait_of(&refused, 429, "too-many-refused-tokens", SECOND);
    assert_eq!(me(&known, "192.0.2.1").await.status, 200);
    assert_eq!(me(&app.person("elsewhere"), "192.0.2.2").await.status, 200);
    tokio::time::sleep(wait).await;
    assert_eq!(me(&new, "192.0.2.1").await.status, 200);
    assert!(app.instances[0].metric("causerie_refused_total").await >= 2.0);
}

#[tokio::test]
async fn the_many_addresses_of_a_network_share_one_allowance() {
    let app = app(TRUSTED).await;
    let forger = forger(&app, "mallory");
    let mut host = 0;
    until_refused(async || {
        host += 1;
        me(&forger, &format!("2001:db8:0:1::{host:x}")).await
    })
    .await;
    assert!(host > 60, "{host}");
    let other = me(&app.person("bob"), "2001:db8:0:2::1").await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn a_header_of_whoever_is_no_proxy_of_ours_is_not_believed() {
    let app = app("trusted_proxies=[\"192.0.2.0/24\"]").await;
    let forger = forger(&app, "mallory");
    let mut n = 0;
    until_refused(async || {
        n += 1;
        me(&forger, &format!("198.51.100.{}", n % 250)).await
    })
    .await;
}

#[tokio::test]
async fn only_the_header_that_the_proxies_write_is_believed() {
    let app = app(&format!("{TRUSTED},forwarded_header=\"Forwarded\"")).await;
    let forger = forger(&app, "mallory");
    let ask = async |n: usize, person: &Person| {
        let get = person.request(reqwest::Method::GET, "/v1/me");
        let get = get.header("X-Forwarded-For", format!("198.51.100.{}", n % 250));
        let told = format!("for=6.6.6.6, for=\"[2001:db8::{n:x}]:4711\"");
        person.send(get.header("Forwarded", told)).await
    };
    let mut n = 0;
    until_refused(async || {
        n += 1;
        ask(n, &forger).await
    })
    .await;
    assert!(n > 60, "{n}");
    assert_eq!(me(&app.person("bob"), "198.51.100.1").await.status, 200);
}

#[tokio::test]
async fn a_proxy_that_nobody_has_named_is_not_held_to_the_share_of_one() {
    let app = app("").await;
    let forger = forger(&app, "mallory");
    for n in 0..100 {
        assert_eq!(me(&forger, "192.0.2.1").await.status, 401, "{n}");
    }
    assert_eq!(me(&app.person("bob"), "192.0.2.1").await.status, 200);
}

#[tokio::test]
async fn a_token_that_has_only_expired_is_held_against_nobody() {
    let app = app(TRUSTED).await;
    let base = &app.instances[0].url;
    let old = Person::with(base, "alice", |claims| claims.exp -= 7200);
    for n in 0..100 {
        let answer = me(&old, "192.0.2.1").await;
        assert_eq!(answer.code(), "token-expired", "{n}");
    }
    assert_eq!(me(&app.person("alice"), "192.0.2.1").await.status, 200);
}

#[tokio::test]
async fn tickets_that_do_not_hold_count_and_one_that_held_opens_its_stream_again() {
    let app = app(TRUSTED).await;
    let alice = app.person("alice");
    let bought = alice.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = bought["ticket"].as_str().expect("a ticket");
    let stream = |ticket: &str| -> RequestBuilder {
        let url = format!("{}/v1/events/stream?ticket={ticket}", alice.base);
        Client::new()
            .get(url)
            .header("X-Forwarded-For", "192.0.2.1")
    };
    Listener::open(stream(ticket)).await.until("hello").await;
    let guess = "0".repeat(32);
    let refused = until_refused(async || alice.send(stream(&guess)).await).await;
    wait_of(&refused, 429, "too-many-refused-tokens", SECOND);
    Listener::open(stream(ticket)).await.until("hello").await;
}

#[tokio::test]
async fn through_nginx_as_recommended_each_visitor_has_an_allowance() {
    let app = app(TRUSTED).await;
    let nginx = Nginx::as_recommended(&app.instances).await;
    // From the address of nginx itself nobody could be told from nginx.
    let visitor = async |address: &str, person: &Person, n: usize| {
        let address: std::net::IpAddr = address.parse().expect("an address");
        let client = Client::builder().local_address(address).build();
        let get = client
            .expect("a client")
            .get(format!("{}/v1/me", nginx.url));
        // nginx adds whom it sees: what visitors say stands before that, and is not reached.
        let spoofed = format!("198.51.100.{}", n % 250);
        let get = get.header("Forwarded", format!("for={spoofed}"));
        let get = get.header("X-Real-IP", &spoofed);
        let get = get.header("X-Forwarded-For", &spoofed);
        person.send(get.bearer_auth(&person.token)).await
    };
    let (known, forger) = (app.person("known"), forger(&app, "mallory"));
    assert_eq!(visitor("127.0.0.2", &known, 0).await.status, 200);
    let mut n = 0;
    let refused = until_refused(async || {
        n += 1;
        visitor("127.0.0.2", &forger, n).await
    });
    wait_of(&refused.await, 429, "too-many-refused-tokens", SECOND);
    assert_eq!(visitor("127.0.0.2", &known, 0).await.status, 200);
    let elsewhere = visitor("127.0.0.3", &app.person("bob"), 0).await;
    assert_eq!(elsewhere.status, 200, "{}", elsewhere.text);
}
