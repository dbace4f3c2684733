//! The link in each e-mail to a person: looking at it changes nothing, one click turns e-mails off.

use serde_json::{Value, json};

use super::server::Smtp;
use super::{is, post, site};
use crate::support::{Answer, App, Person};

/// A site with two people who have addresses, and the link in an e-mail to the first.
struct Stage {
    smtp: Smtp,
    app: App,
    service: Person,
    alice: Person,
    link: String,
}

fn email(id: &str) -> Value {
    let values = json!({ "unreadCount": 1, "conversations": 1, "since": "14:02", "link": "https://a.example/" });
    json!({ "userId": id, "subject": "s", "template": { "name": "digest", "values": values } })
}

impl Stage {
    async fn set() -> Self {
        let smtp = Smtp::start().await;
        let (app, service) = site(&smtp.url()).await;
        let [alice, bob] = ["alice", "bob"].map(|id| {
            Person::with(&app.instances[0].url, id, |claims| {
                let address = json!(format!("{id}@mail.example"));
                claims.more.insert("email".to_owned(), address);
            })
        });
        for person in [&alice, &bob] {
            person.get("/v1/me").await.ok();
        }
        let place = post(&service, &email("alice")).await;
        is(&service, &place, "DONE").await;
        let link = smtp.has(1).await[0]["headers"]["list-unsubscribe"].clone();
        let link = link.as_str().and_then(|link| link.strip_prefix('<'));
        let link = link.and_then(|link| link.strip_suffix('>'));
        let link = link.expect("a link in brackets").to_owned();
        Self {
            smtp,
            app,
            service,
            alice,
            link,
        }
    }

    /// What a browser or a mail provider sends: no token, no cookie.
    async fn asks(&self, method: &str, link: &str, origin: Option<&str>) -> Answer {
        let base = &self.app.instances[0].url;
        let path = link.strip_prefix("https://chat.example").expect("our own");
        let url = format!("{base}{path}");
        let client = reqwest::Client::new();
        let mut request = match method {
            "GET" => client.get(url),
            _ => client
                .post(url)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body("List-Unsubscribe=One-Click"),
        };
        if let Some(origin) = origin {
            request = request.header("Origin", origin);
        }
        let request = request.header("Accept-Language", "fr");
        self.alice.send(request).await
    }

    async fn is_off(&self) -> bool {
        self.alice.get("/v1/me").await.ok()["emailOff"] == true
    }

    /// Sends her one more, and waits for what becomes of it.
    async fn sends(&self, to: &str, state: &str) -> Value {
        let place = post(&self.service, &email(to)).await;
        is(&self.service, &place, state).await
    }
}

#[tokio::test]
async fn the_link_is_in_the_head_and_in_both_parts_and_names_nobody() {
    let stage = Stage::set().await;
    let (link, sent) = (&stage.link, &stage.smtp.has(1).await[0]);
    assert_eq!(
        sent["headers"]["list-unsubscribe-post"],
        "List-Unsubscribe=One-Click"
    );
    assert!(link.starts_with("https://chat.example/v1/unsubscribe?token="));
    assert!(
        !link.contains("alice") && !link.contains("default"),
        "{link}"
    );
    for part in ["text/plain", "text/html"] {
        let text = sent["parts"][part].as_str();
        assert!(text.is_some_and(|text| text.contains(link)), "{sent}");
    }
}

#[tokio::test]
async fn a_look_changes_nothing() {
    let stage = Stage::set().await;
    for _ in 0..3 {
        let page = stage.asks("GET", &stage.link, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        for words in ["<form method=\"post\">", "lang=\"fr\""] {
            assert!(page.text.contains(words), "{}", page.text);
        }
        assert!(!page.text.contains("alice"), "{}", page.text);
        let policy = page.header("Content-Security-Policy");
        assert!(policy.is_some_and(|policy| policy.contains("form-action 'self'")));
    }
    assert!(!stage.is_off().await);
    stage.sends("alice", "DONE").await;
    stage.smtp.has(2).await;
}

#[tokio::test]
async fn a_click_ends_the_emails_until_the_person_wants_them_again() {
    let stage = Stage::set().await;
    // A browser whose page does not say where it comes from, and providers.
    for origin in [Some("null"), None, Some("https://provider.example")] {
        let done = stage.asks("POST", &stage.link, origin).await;
        assert_eq!(done.status, 200, "{origin:?}: {}", done.text);
        assert!(done.text.contains("role=\"status\""), "{}", done.text);
    }
    assert!(stage.is_off().await);
    let cancelled = stage.sends("alice", "CANCELLED").await;
    let why = cancelled["error"].as_str();
    assert!(
        why.is_some_and(|why| why.contains("wants no e-mails")),
        "{cancelled}"
    );
    stage.sends("bob", "DONE").await;
    let on = json!({ "emailOff": false });
    stage.alice.patch("/v1/me", &on).await.ok();
    assert!(!stage.is_off().await);
    stage.sends("alice", "DONE").await;
    let sent = stage.smtp.has(3).await;
    let to: Vec<_> = sent.iter().map(|one| one["to"][0].clone()).collect();
    assert_eq!(
        to,
        [
            "alice@mail.example",
            "bob@mail.example",
            "alice@mail.example"
        ]
    );
    let log = stage.app.instances[0].log();
    assert!(
        !log.contains("token=") && !log.contains("mail.example"),
        "{log}"
    );
}

#[tokio::test]
async fn the_link_of_an_erased_person_is_not_that_of_whoever_has_the_id_next() {
    let stage = Stage::set().await;
    let host = &stage.service;
    assert_eq!(host.delete("/v1/users/alice").await.status, 204);
    crate::support::eventually("her erasure", async || {
        let back = host
            .put("/v1/users/alice", &json!({ "name": "Another" }))
            .await;
        (back.status == 200).then_some(())
    })
    .await;
    for method in ["GET", "POST"] {
        let answer = stage.asks(method, &stage.link, None).await;
        assert_eq!((answer.status, answer.code()), (404, "not-found"));
    }
    let off = "select count(*) from users where email_off";
    assert_eq!(stage.app.database.number(off).await, 0);
}

#[tokio::test]
async fn no_other_link_is_one() {
    let stage = Stage::set().await;
    let own = "https://chat.example/v1/unsubscribe";
    let cut = &stage.link[..stage.link.len() - 4];
    for link in [
        own.to_owned(),
        format!("{own}?token="),
        format!("{own}?token=x"),
        format!("{cut}AAAA"),
        cut.to_owned(),
    ] {
        for method in ["GET", "POST"] {
            let answer = stage.asks(method, &link, None).await;
            let what = (answer.status, answer.code());
            assert_eq!(what, (404, "not-found"), "{method} {link}");
        }
    }
    assert!(!stage.is_off().await);
}
