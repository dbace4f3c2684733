//! The link in each e-mail to a person: looking at it changes nothing, one click turns e-mails off.

use serde_json::json;

use super::server::Smtp;
use super::{is, post, site};
use crate::support::{Answer, Person};

/// What a browser or a mail provider sends: no token, no cookie.
async fn asks(base: &str, method: &str, link: &str, origin: Option<&str>) -> Answer {
    let nobody = Person {
        id: "nobody".to_owned(),
        token: String::new(),
        base: base.to_owned(),
    };
    let path = link.strip_prefix("https://chat.example").expect("our own");
    let url = format!("{base}{path}");
    let mut request = match method {
        "GET" => reqwest::Client::new().get(url),
        _ => reqwest::Client::new()
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("List-Unsubscribe=One-Click"),
    };
    if let Some(origin) = origin {
        request = request.header("Origin", origin);
    }
    nobody.send(request.header("Accept-Language", "fr")).await
}

#[tokio::test]
async fn a_look_changes_nothing_and_a_click_ends_the_emails() {
    let smtp = Smtp::start().await;
    let (app, service) = site(&smtp.url()).await;
    let base = &app.instances[0].url;
    let people = ["alice", "bob"].map(|id| {
        Person::with(base, id, |claims| {
            claims
                .more
                .insert("email".to_owned(), json!(format!("{id}@mail.example")));
        })
    });
    for person in &people {
        person.get("/v1/me").await.ok();
    }
    let template = json!({ "name": "digest", "values": { "unreadCount": 1, "conversations": 1, "since": "14:02", "link": "https://a.example/" } });
    let email = |id: &str| json!({ "userId": id, "subject": "s", "template": template });
    let place = post(&service, &email("alice")).await;
    is(&service, &place, "DONE").await;
    let sent = &smtp.has(1).await[0];
    let headers = &sent["headers"];
    assert_eq!(
        headers["list-unsubscribe-post"],
        "List-Unsubscribe=One-Click"
    );
    let link = headers["list-unsubscribe"].as_str().expect("a link");
    let link = link
        .strip_prefix('<')
        .and_then(|link| link.strip_suffix('>'))
        .expect("in brackets");
    assert!(
        link.starts_with("https://chat.example/v1/unsubscribe?token="),
        "{link}"
    );
    assert!(
        !link.contains("alice") && !link.contains("default"),
        "{link}"
    );
    for part in ["text/plain", "text/html"] {
        assert!(
            sent["parts"][part]
                .as_str()
                .is_some_and(|text| text.contains(link)),
            "{sent}"
        );
    }
    for _ in 0..3 {
        let page = asks(base, "GET", link, None).await;
        assert_eq!(page.status, 200, "{}", page.text);
        assert!(
            page.text.contains("<form method=\"post\">") && page.text.contains("lang=\"fr\""),
            "{}",
            page.text
        );
        assert!(!page.text.contains("alice"), "{}", page.text);
        assert!(
            page.header("Content-Security-Policy")
                .is_some_and(|policy| policy.contains("form-action 'self'"))
        );
    }
    assert_eq!(people[0].get("/v1/me").await.ok()["emailOff"], false);
    let place = post(&service, &email("alice")).await;
    is(&service, &place, "DONE").await;
    // A browser with a policy of its own, a provider with none.
    for origin in [Some("null"), None, Some("https://provider.example")] {
        let done = asks(base, "POST", link, origin).await;
        assert_eq!(done.status, 200, "{origin:?}: {}", done.text);
        assert!(
            done.text.contains("C'est fait") || done.text.contains("C&#39;est fait"),
            "{}",
            done.text
        );
    }
    assert_eq!(people[0].get("/v1/me").await.ok()["emailOff"], true);
    let place = post(&service, &email("alice")).await;
    let cancelled = is(&service, &place, "CANCELLED").await;
    assert!(
        cancelled["error"]
            .as_str()
            .is_some_and(|why| why.contains("wants no e-mails")),
        "{cancelled}"
    );
    let place = post(&service, &email("bob")).await;
    is(&service, &place, "DONE").await;
    let me = people[0]
        .patch("/v1/me", &json!({ "emailOff": false }))
        .await
        .ok();
    assert_eq!(me["emailOff"], false);
    let place = post(&service, &email("alice")).await;
    is(&service, &place, "DONE").await;
    smtp.has(4).await;
    let forged = format!("{}AAAA", &link[..link.len() - 4]);
    for link in [
        "https://chat.example/v1/unsubscribe",
        "https://chat.example/v1/unsubscribe?token=x",
        &forged,
    ] {
        for method in ["GET", "POST"] {
            let answer = asks(base, method, link, None).await;
            assert_eq!(
                (answer.status, answer.code()),
                (404, "not-found"),
                "{method} {link}"
            );
        }
    }
    let log = app.instances[0].log();
    assert!(
        !log.contains("token=") && !log.contains("mail.example"),
        "{log}"
    );
}
