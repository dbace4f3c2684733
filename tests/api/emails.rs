//! E-mails: accepted by the API, sent by jobs to a real SMTP server, which is well, slow, full of refusals, or not there.

#[path = "emails/answers.rs"]
mod answers;
#[path = "emails/delivery.rs"]
mod delivery;
#[path = "emails/outage.rs"]
mod outage;
#[path = "emails/people.rs"]
mod people;
#[path = "emails/refused.rs"]
mod refused;
#[path = "emails/server.rs"]
pub mod server;
#[path = "emails/told.rs"]
mod told;
#[path = "emails/unsubscribe.rs"]
mod unsubscribe;

use serde_json::{Value, json};

use self::server::Smtp;
use crate::support::{App, Person, eventually};

const SETTINGS: &str = "mail={from=\"Causerie <chat@example.org>\",public_url=\"https://chat.example\",timeout_secs=2}";

/// A service that sends by this server, and the host's backend.
pub async fn site(url: &str) -> (App, Person) {
    let mut app = App::with(0, "").await;
    app.add(SETTINGS, &[("CAUSERIE_SMTP_URL", url)]).await;
    let service = Person::service(&app.instances[0].url);
    (app, service)
}

fn plain(subject: &str) -> Value {
    json!({ "to": "alice@mail.example", "subject": subject, "text": "Bonjour" })
}

/// Has it accepted; gives where to ask for it.
async fn post(service: &Person, email: &Value) -> String {
    let answer = service.post("/v1/emails", email).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let place = answer.header("Location").expect("a place").to_owned();
    assert_eq!(
        place,
        format!("/v1/emails/{}", answer.body["id"].as_str().expect("an id"))
    );
    place
}

/// Waits until it has come to this state.
async fn is(service: &Person, place: &str, state: &str) -> Value {
    eventually(state, async || {
        let email = service.get(place).await.ok();
        (email["state"] == state).then_some(email)
    })
    .await
}

/// Waits until an attempt has failed, and gives why.
async fn failed(service: &Person, place: &str) -> String {
    eventually("an attempt that fails", async || {
        let email = service.get(place).await.ok();
        email["error"].as_str().map(str::to_owned)
    })
    .await
}

#[tokio::test]
async fn an_email_arrives_once_with_its_headers_and_both_parts() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let html = format!("<p>Bonjour à tous{}</p>", "!".repeat(2000));
    let email = json!({ "to": "alice@mail.example", "subject": "Un été à Orléans", "html": html, "text": "Bonjour à tous" });
    let place = post(&service, &email).await;
    let done = is(&service, &place, "DONE").await;
    assert_eq!(
        (&done["attempts"], &done["error"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(done["to"], "alice@mail.example");
    let sent = &smtp.has(1).await[0];
    assert_eq!(
        (&sent["from"], &sent["to"]),
        (&json!("chat@example.org"), &json!(["alice@mail.example"]))
    );
    let headers = &sent["headers"];
    let id = done["id"].as_str().expect("an id");
    for (name, value) in [
        ("from", "Causerie <chat@example.org>"),
        ("to", "alice@mail.example"),
        ("subject", "Un été à Orléans"),
        ("auto-submitted", "auto-generated"),
        ("message-id", &format!("<{id}@example.org>")),
        ("mime-version", "1.0"),
    ] {
        assert_eq!(headers[name], value, "{name}");
    }
    assert!(
        headers["date"].is_string() && headers["list-unsubscribe"].is_null(),
        "{headers}"
    );
    assert!(
        headers["content-type"]
            .as_str()
            .is_some_and(|kind| kind.starts_with("multipart/alternative"))
    );
    assert_eq!(
        sent["parts"]["text/plain"].as_str().map(str::trim_end),
        Some("Bonjour à tous")
    );
    assert_eq!(
        sent["parts"]["text/html"].as_str().map(str::trim_end),
        Some(&*html)
    );
    let raw = sent["raw"].as_str().expect("a text");
    assert!(raw.lines().all(|line| line.len() <= 998), "{raw}");
}

#[tokio::test]
async fn templates_are_written_in_both_languages_and_escape_what_they_are_given() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let hostile = "<script>alert(1)</script>\" onload=\"x";
    let link = "https://site.example/c/1?a=1&b=2";
    for (language, name, values, words) in [
        (
            json!("fr"),
            "digest",
            json!({ "unreadCount": 3, "conversations": 2, "since": "14:02", "link": link }),
            "3 messages non lus dans 2 conversations depuis 14:02",
        ),
        (
            json!("en"),
            "digest",
            json!({ "unreadCount": 3, "conversations": 2, "since": "14:02", "link": link }),
            "3 unread messages in 2 conversations since 14:02",
        ),
        // The tenant's own language.
        (
            Value::Null,
            "notification",
            json!({ "title": "Bonjour", "message": hostile, "link": link }),
            "Ouvrir",
        ),
        (
            json!("en"),
            "notification",
            json!({ "title": hostile, "message": "Hello\nAlice", "link": link }),
            "Open",
        ),
    ] {
        let before = smtp.accepted().len();
        let template = json!({ "name": name, "language": language, "values": values });
        post(
            &service,
            &json!({ "to": "a@mail.example", "subject": "s", "template": template }),
        )
        .await;
        let sent = &smtp.has(before + 1).await[before];
        let (text, html) = (
            sent["parts"]["text/plain"].as_str(),
            sent["parts"]["text/html"].as_str(),
        );
        let (text, html) = (text.expect("a text"), html.expect("HTML"));
        assert!(text.contains(words) && html.contains(words), "{text}{html}");
        assert!(text.contains(link), "{text}");
        assert!(
            html.contains("href=\"https://site.example/c/1?a=1&#38;b=2\""),
            "{html}"
        );
        assert!(
            !html.contains("<script") && !html.contains("\" onload"),
            "{html}"
        );
        assert!(
            !html.contains("unsubscribe") && !text.contains("unsubscribe"),
            "there is nobody to remember it for"
        );
    }
}

#[tokio::test]
async fn it_waits_for_its_time() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let later = chrono::Utc::now() + chrono::Duration::hours(1);
    let mut email = plain("later");
    email["deliverAt"] = json!(later.to_rfc3339());
    let place = post(&service, &email).await;
    email["deliverAt"] = json!("2020-01-01T00:00:00Z");
    email["subject"] = json!("now");
    let now = post(&service, &email).await;
    is(&service, &now, "DONE").await;
    let waiting = service.get(&place).await.ok();
    assert_eq!(
        (&waiting["state"], &waiting["attempts"]),
        (&json!("WAITING"), &json!(0))
    );
    assert_eq!(smtp.has(1).await[0]["headers"]["subject"], "now");
}

#[tokio::test]
async fn a_repeated_key_is_one_email() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let keyed = async |email: &Value| {
        let request = service.request(reqwest::Method::POST, "/v1/emails");
        let request = request.header("Idempotency-Key", "k-1").json(email);
        service.send(request).await
    };
    let one = plain("one");
    let (first, second) = tokio::join!(keyed(&one), keyed(&one));
    assert_eq!((first.status, second.status), (202, 202), "{}", second.text);
    assert_eq!(first.body["id"], second.body["id"]);
    let replayed = [&first, &second].map(|answer| answer.header("Idempotency-Replayed"));
    assert!(
        replayed.contains(&Some("true")) && replayed.contains(&None),
        "{replayed:?}"
    );
    let other = keyed(&plain("another")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency-mismatch"));
    let place = format!("/v1/emails/{}", first.body["id"].as_str().expect("an id"));
    is(&service, &place, "DONE").await;
    assert_eq!(
        keyed(&plain("one")).await.header("Idempotency-Replayed"),
        Some("true")
    );
    let marker = post(&service, &plain("marker")).await;
    is(&service, &marker, "DONE").await;
    smtp.has(2).await;
}
