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

#[tokio::test]
async fn hostile_addresses_subjects_and_links_are_refused_by_name() {
    let smtp = Smtp::start().await;
    let (_app, service) = site(&smtp.url()).await;
    let notification = |link: &str| json!({ "text": null, "template": { "name": "notification", "values": { "title": "t", "message": "m", "link": link } } });
    let link = "/template/values/link";
    for (changes, pointer, code) in [
        (
            json!({ "to": "a@mail.example\r\nBcc: b@mail.example" }),
            "/to",
            "line-break",
        ),
        (
            json!({ "to": "a@mail.example\u{0}" }),
            "/to",
            "nul-character",
        ),
        (
            json!({ "to": "a@mail.example, b@mail.example" }),
            "/to",
            "invalid-email",
        ),
        (
            json!({ "to": "Alice <a@mail.example>" }),
            "/to",
            "invalid-email",
        ),
        (
            json!({ "to": "a@mail.example>\u{7f}" }),
            "/to",
            "control-character",
        ),
        (
            json!({ "to": "\"a\\\nb\"@mail.example" }),
            "/to",
            "line-break",
        ),
        (json!({ "to": null }), "/to", "required"),
        (json!({ "userId": "alice" }), "/userId", "invalid-value"),
        (
            json!({ "to": null, "userId": "nobody" }),
            "/userId",
            "user-unknown",
        ),
        (
            json!({ "subject": "Bonjour\r\nBcc: b@mail.example" }),
            "/subject",
            "line-break",
        ),
        (json!({ "subject": "a\u{85}b" }), "/subject", "line-break"),
        (json!({ "subject": "a\u{0}" }), "/subject", "nul-character"),
        (
            json!({ "subject": "a\u{1b}[31m" }),
            "/subject",
            "control-character",
        ),
        (
            json!({ "subject": "\u{202e}a" }),
            "/subject",
            "bidi-control",
        ),
        (json!({ "subject": " " }), "/subject", "blank"),
        (
            json!({ "subject": "é".repeat(201) }),
            "/subject",
            "too-long",
        ),
        (json!({ "subject": null }), "/subject", "required"),
        (json!({ "text": null }), "/text", "required"),
        (json!({ "text": "a\u{0}" }), "/text", "nul-character"),
        (
            json!({ "html": "a".repeat(60_000), "text": "b".repeat(50_000) }),
            "/html",
            "too-long",
        ),
        (
            json!({ "template": { "name": "digest", "values": {} } }),
            "/template",
            "invalid-value",
        ),
        (
            json!({ "deliverAt": "2099-01-01T00:00:00Z" }),
            "/deliverAt",
            "out-of-range",
        ),
        (
            json!({ "deliverAt": "tomorrow" }),
            "/deliverAt",
            "wrong-type",
        ),
        (json!({ "cc": "b@mail.example" }), "/cc", "unknown-field"),
        (
            json!({ "text": null, "template": { "name": "other", "values": {} } }),
            "/template/name",
            "invalid-value",
        ),
        (
            json!({ "text": null, "template": { "name": "digest" } }),
            "/template/values",
            "required",
        ),
        (
            json!({ "text": null, "template": { "name": "digest", "values": { "unreadCount": 0, "conversations": 1, "since": "a", "link": "https://a.example/" } } }),
            "/template/values/unreadCount",
            "out-of-range",
        ),
        (
            json!({ "text": null, "template": { "name": "digest", "values": { "title": "t", "unreadCount": 1, "conversations": 1, "since": "a", "link": "https://a.example/" } } }),
            "/template/values/title",
            "unknown-field",
        ),
        (notification("javascript:alert(1)"), link, "invalid-url"),
        (
            notification("JaVaScRiPt://a.example/%0aalert(1)"),
            link,
            "invalid-url",
        ),
        (notification("data:text/html,x"), link, "invalid-url"),
        (notification("http://a.example/"), link, "invalid-url"),
        (notification("https://a@b.example/"), link, "invalid-url"),
        (notification("https://127.0.0.1/"), link, "host-not-allowed"),
    ] {
        let answer = service.post("/v1/emails", &with(&changes)).await;
        let errors = answer.body["errors"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        assert_eq!(answer.status, 422, "{changes}: {}", answer.text);
        assert_eq!(errors.len(), 1, "{changes}: {}", answer.text);
        assert_eq!(
            (&errors[0]["pointer"], &errors[0]["code"]),
            (&json!(pointer), &json!(code)),
            "{changes}"
        );
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
