//! What is not accepted, by its field; and whose e-mails nobody else asks for.

use serde_json::{Value, json};

use super::server::Smtp;
use super::{is, plain, post, site};
use crate::support::{App, Person};

fn with(changes: &Value) -> Value {
    let mut email = plain("Bonjour");
    for (name, value) in changes.as_object().expect("an object") {
        email[name] = value.clone();
    }
    email
        .as_object_mut()
        .expect("an object")
        .retain(|_, value| !value.is_null());
    email
}

/// What is changed of an e-mail that would be accepted (null: taken away), and the field that is refused for it.
type Refused = (&'static str, &'static str, &'static str);

const ADDRESSES: &[Refused] = &[
    (
        r#"{"to":"a@mail.example\r\nBcc: b@mail.example"}"#,
        "/to",
        "line-break",
    ),
    (r#"{"to":"a@mail.example\u0000"}"#, "/to", "nul-character"),
    (
        r#"{"to":"a@mail.example, b@mail.example"}"#,
        "/to",
        "invalid-email",
    ),
    (r#"{"to":"Alice <a@mail.example>"}"#, "/to", "invalid-email"),
    (
        r#"{"to":"a@mail.example>\u007f"}"#,
        "/to",
        "control-character",
    ),
    (r#"{"to":"\"a\\\nb\"@mail.example"}"#, "/to", "line-break"),
    (r#"{"to":null}"#, "/to", "required"),
    (r#"{"userId":"alice"}"#, "/userId", "invalid-value"),
    (
        r#"{"to":null,"userId":"nobody"}"#,
        "/userId",
        "user-unknown",
    ),
    (r#"{"cc":"b@mail.example"}"#, "/cc", "unknown-field"),
];

const SUBJECTS_AND_TIMES: &[Refused] = &[
    (
        r#"{"subject":"Bonjour\r\nBcc: b@mail.example"}"#,
        "/subject",
        "line-break",
    ),
    (r#"{"subject":"a\u0085b"}"#, "/subject", "line-break"),
    (r#"{"subject":"a\u0000"}"#, "/subject", "nul-character"),
    (
        r#"{"subject":"a\u001b[31m"}"#,
        "/subject",
        "control-character",
    ),
    (r#"{"subject":"\u202ea"}"#, "/subject", "bidi-control"),
    (r#"{"subject":" "}"#, "/subject", "blank"),
    (r#"{"subject":null}"#, "/subject", "required"),
    (r#"{"text":null}"#, "/text", "required"),
    (r#"{"text":"a\u0000"}"#, "/text", "nul-character"),
    (
        r#"{"deliverAt":"2099-01-01T00:00:00Z"}"#,
        "/deliverAt",
        "out-of-range",
    ),
    (r#"{"deliverAt":"tomorrow"}"#, "/deliverAt", "wrong-type"),
];

const TEMPLATES: &[Refused] = &[
    (
        r#"{"template":{"name":"digest","values":{}}}"#,
        "/template",
        "invalid-value",
    ),
    (
        r#"{"text":null,"template":{"name":"other","values":{}}}"#,
        "/template/name",
        "invalid-value",
    ),
    (
        r#"{"text":null,"template":{"name":"digest"}}"#,
        "/template/values",
        "required",
    ),
    (
        r#"{"text":null,"template":{"name":"digest","values":{"unreadCount":0,"conversations":1,"since":"a","link":"https://a.example/"}}}"#,
        "/template/values/unreadCount",
        "out-of-range",
    ),
    (
        r#"{"text":null,"template":{"name":"digest","values":{"title":"t","unreadCount":1,"conversations":1,"since":"a","link":"https://a.example/"}}}"#,
        "/template/values/title",
        "unknown-field",
    ),
];

const LINKS: &[(&str, &str)] = &[
    ("javascript:alert(1)", "invalid-url"),
    ("JaVaScRiPt://a.example/%0aalert(1)", "invalid-url"),
    ("data:text/html,x", "invalid-url"),
    ("http://a.example/", "invalid-url"),
    ("https://a@b.example/", "invalid-url"),
    ("https://127.0.0.1/", "host-not-allowed"),
];

async fn refuses(service: &Person, changes: &Value, pointer: &str, code: &str) {
    let answer = service.post("/v1/emails", &with(changes)).await;
    let errors = answer.body["errors"].as_array().cloned();
    let errors = errors.unwrap_or_default();
    assert_eq!(answer.status, 422, "{changes}: {}", answer.text);
    assert_eq!(errors.len(), 1, "{changes}: {}", answer.text);
    let found = (&errors[0]["pointer"], &errors[0]["code"]);
    assert_eq!(found, (&json!(pointer), &json!(code)), "{changes}");
}

#[tokio::test]
async fn hostile_addresses_subjects_and_links_are_refused_by_name() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let tables = [ADDRESSES, SUBJECTS_AND_TIMES, TEMPLATES].concat();
    for (changes, pointer, code) in tables {
        let changes = serde_json::from_str(changes).expect("JSON");
        refuses(&service, &changes, pointer, code).await;
    }
    let long = json!({ "subject": "é".repeat(201) });
    refuses(&service, &long, "/subject", "too-long").await;
    let long = json!({ "html": "a".repeat(60_000), "text": "b".repeat(50_000) });
    refuses(&service, &long, "/html", "too-long").await;
    for (link, code) in LINKS {
        let values = json!({ "title": "t", "message": "m", "link": link });
        let changes =
            json!({ "text": null, "template": { "name": "notification", "values": values } });
        refuses(&service, &changes, "/template/values/link", code).await;
    }
    let place = post(&service, &plain("the only one")).await;
    is(&service, &place, "DONE").await;
    smtp.has(1).await;
}

#[tokio::test]
async fn only_the_hosts_own_backend_sends_and_asks() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let place = post(&service, &plain("ours")).await;
    let alice = app.person("alice");
    for answer in [
        alice.post("/v1/emails", &plain("x")).await,
        alice.get(&place).await,
    ] {
        assert_eq!((answer.status, answer.code()), (403, "service-only"));
    }
    let other = Person::with(&service.base, "backend", |claims| {
        claims.role = Some("service".to_owned());
        claims.tenant = Some("other".to_owned());
    });
    let answer = other.get(&place).await;
    assert_eq!((answer.status, answer.code()), (404, "not-found"));
    assert_eq!(other.get("/v1/emails/x").await.status, 404);
}

#[tokio::test]
async fn without_a_server_it_says_which_setting_is_missing() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let answer = service.post("/v1/emails", &plain("x")).await;
    assert_eq!((answer.status, answer.code()), (409, "email-off"));
    assert!(answer.text.contains("CAUSERIE_SMTP_URL"), "{}", answer.text);
}
