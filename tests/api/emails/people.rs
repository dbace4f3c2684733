//! Whose address is known: from a token, from the host; to oneself alone; and no more once one is erased.

use serde_json::{Value, json};

use super::server::Smtp;
use super::{is, plain, post, site};
use crate::support::{App, Person, eventually};

fn named(app: &App, id: &str, email: &str, iat: i64) -> Person {
    Person::with(&app.instances[0].url, id, |claims| {
        claims.iat += iat;
        claims.more.insert("email".to_owned(), json!(email));
    })
}

fn to_user(id: &str) -> Value {
    json!({ "userId": id, "subject": "Bonjour", "text": "Bonjour" })
}

#[tokio::test]
async fn an_address_comes_from_the_token_or_the_host_and_is_shown_to_oneself_alone() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = named(&app, "alice", "alice@mail.example", -100);
    assert_eq!(
        alice.get("/v1/me").await.ok()["email"],
        "alice@mail.example"
    );
    let place = post(&service, &to_user("alice")).await;
    let done = is(&service, &place, "DONE").await;
    assert_eq!(
        (&done["userId"], &done["to"]),
        (&json!("alice"), &Value::Null)
    );
    assert_eq!(smtp.has(1).await[0]["to"], json!(["alice@mail.example"]));
    // Others who know her.
    let bob = app.person("bob");
    bob.get("/v1/me").await.ok();
    let conversation = alice.converse_with("bob").await;
    let start = bob.cursor().await;
    let newer = named(&app, "alice", "anew@mail.example", -50);
    assert_eq!(newer.get("/v1/me").await.ok()["email"], "anew@mail.example");
    for path in [
        "/v1/users/alice",
        "/v1/sync",
        "/v1/events?since=0",
        &format!("/v1/conversations/{conversation}"),
    ] {
        let seen = bob.get(path).await;
        assert!(
            seen.status == 200 && !seen.text.contains("mail.example"),
            "{path}: {}",
            seen.text
        );
    }
    assert_eq!(
        bob.all_events(&start, 10).await.0.len(),
        0,
        "it is nobody else's news"
    );
}

#[tokio::test]
async fn the_hosts_word_counts_and_what_is_no_address_is_not_taken() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let alice = named(&app, "alice", "alice@mail.example", -100);
    alice.get("/v1/me").await.ok();
    app.person("bob").get("/v1/me").await.ok();
    let put = service
        .put("/v1/users/alice", &json!({ "email": "host@mail.example" }))
        .await;
    assert!(
        put.status == 200 && !put.text.contains("mail.example"),
        "{}",
        put.text
    );
    // What is no address is left out of a token, and refused of the host.
    let wrong = named(&app, "alice", "a@mail.example\r\nBcc: b@mail.example", 20);
    assert_eq!(wrong.get("/v1/me").await.ok()["email"], "host@mail.example");
    let put = service
        .put("/v1/users/alice", &json!({ "email": "A <a@mail.example>" }))
        .await;
    assert_eq!(
        (put.status, &put.body["errors"][0]["pointer"]),
        (422, &json!("/email"))
    );
    let place = post(&service, &to_user("alice")).await;
    is(&service, &place, "DONE").await;
    let sent = smtp.has(1).await;
    assert_eq!(sent[0]["to"], json!(["host@mail.example"]));
    let none = service.post("/v1/emails", &to_user("bob")).await;
    assert_eq!(
        (none.status, &none.body["errors"][0]["code"]),
        (422, &json!("email-unknown"))
    );
    let exported = service.get("/v1/users/alice/export").await;
    assert!(
        exported.text.contains("host@mail.example"),
        "{}",
        exported.text
    );
}

#[tokio::test]
async fn an_erased_person_has_no_address_and_gets_nothing() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    named(&app, "alice", "alice@mail.example", -100)
        .get("/v1/me")
        .await
        .ok();
    // Refused for now, until she is gone.
    smtp.is_to("450");
    let place = post(&service, &to_user("alice")).await;
    super::failed(&service, &place).await;
    assert_eq!(service.delete("/v1/users/alice").await.status, 204);
    smtp.is_to("accept");
    eventually("it is given up", async || {
        let email = service.get(&place).await;
        (email.status == 404 || email.body["state"] == "CANCELLED").then_some(())
    })
    .await;
    let marker = post(&service, &plain("marker")).await;
    is(&service, &marker, "DONE").await;
    assert_eq!(smtp.has(1).await[0]["headers"]["subject"], "marker");
    let tables = crate::erasure::tables_with(&app, "alice@mail.example").await;
    assert!(!tables.contains(&"users".to_owned()), "{tables:?}");
}
