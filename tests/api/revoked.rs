//! The host takes back a person's tokens: everywhere, at once, and not those that come after.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::sse::Sse;
use crate::support::{App, Person, eventually};

#[tokio::test]
async fn what_was_issued_before_ends_on_every_instance() {
    let app = App::with(2, "").await;
    let (alice, bob, _) = app.two_people_talking().await;
    let there = alice.at(&app.instances[1].url);
    let ticket = alice.post("/v1/stream-tickets", &json!({})).await.ok();
    let ticket = ticket["ticket"].as_str().expect("a ticket");
    let by_ticket =
        reqwest::Client::new().get(format!("{}/v1/events/stream?ticket={ticket}", there.base));
    let mut streams = [
        Sse::open(&alice, "").await,
        Sse::open(&there, "").await,
        Sse::of(by_ticket.send().await.expect("the service answers")),
    ];
    for stream in &mut streams {
        stream.until("hello").await;
    }
    let since = there.get("/v1/events").await.ok()["cursor"].clone();
    let path = format!(
        "/v1/events?since={}&wait=50",
        since.as_str().expect("a cursor")
    );
    let waiting = there.clone();
    let wait = tokio::spawn(async move { waiting.get(&path).await });

    let service = Person::service(&alice.base);
    let revoke = "/v1/admin/users/alice/revoke";
    assert_eq!(bob.post(revoke, &json!({})).await.code(), "service-only");
    assert_eq!(service.post(revoke, &json!({})).await.status, 204);
    assert_eq!(
        alice.get("/v1/me").await.code(),
        "token-invalid",
        "at once where it was said"
    );
    for stream in &mut streams {
        assert_eq!(
            stream.until("goodbye").await.data["reason"],
            "token-revoked"
        );
    }
    assert_eq!(wait.await.expect("an answer").status, 401);
    assert_eq!(there.get("/v1/me").await.code(), "token-invalid");
    let again = bob
        .send(
            reqwest::Client::new().get(format!("{}/v1/events/stream?ticket={ticket}", alice.base)),
        )
        .await
        .status;
    assert_eq!(again, 401, "the ticket of a token that was taken back");
}

#[tokio::test]
async fn a_new_token_is_let_in_and_others_of_that_name_are_not_concerned() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let there = alice.at(&app.instances[1].url);
    let mut his = Sse::open(&bob, "").await;
    his.until("hello").await;
    let service = Person::service(&alice.base);
    let revoke = "/v1/admin/users/alice/revoke";
    assert_eq!(service.post(revoke, &json!({})).await.status, 204);
    // Another of the same name is another person.
    let other = Person::with(&alice.base, "alice", |claims| {
        claims.tenant = Some("other".to_owned())
    });
    assert_eq!(other.get("/v1/me").await.ok()["id"], "alice");
    // Seconds are what a token counts in: one of this very second may still be refused.
    let anew = eventually("a new token to be let in", async || {
        let anew = Person::new(&alice.base, "alice");
        (anew.get("/v1/me").await.status == 200).then_some(anew)
    })
    .await;
    bob.say(&conversation, "still there?").await.ok();
    his.until("message.created").await;
    let read = anew
        .get(&format!("/v1/conversations/{conversation}/messages"))
        .await
        .ok();
    assert_eq!(read["items"][0]["content"], "still there?");
    let no_id = service
        .post(
            &format!("/v1/admin/users/{}/revoke", "x".repeat(129)),
            &json!({}),
        )
        .await;
    assert_eq!(no_id.status, 404);
    tokio::time::timeout(Duration::from_secs(60), async {
        anew.at(&there.base).get("/v1/me").await.ok()
    })
    .await
    .expect("on the other one too");
}

/// Of a host whose clock runs 10 s ahead.
fn ahead(base: &str, id: &str) -> Person {
    Person::with(base, id, |claims| {
        claims.iat += 10;
        // No two tokens are the same.
        let jti = json!(uuid::Uuid::now_v7());
        claims.more.insert("jti".to_owned(), jti);
        claims.name = Some(id.to_owned());
    })
}

/// Long after the clock here has passed what the tokens say, on every instance.
async fn are_refused_for_good(people: &[Person]) {
    for person in people {
        eventually("every instance to hear of it", async || {
            (person.get("/v1/me").await.status == 401).then_some(())
        })
        .await;
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(13) {
        for person in people {
            let answer = person.get("/v1/me").await;
            assert_eq!(answer.code(), "token-invalid", "{}", person.id);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn what_a_host_signed_by_a_clock_that_runs_ahead_stays_taken_back() {
    let app = App::with(2, "").await;
    let urls = [&app.instances[0].url, &app.instances[1].url];
    let (bob, service) = (app.person("bob"), Person::service(urls[0]));
    bob.get("/v1/me").await.ok();
    let mut old = Vec::new();
    for id in ["revoked", "erased"] {
        // Shown to the one that is told, shown to the other alone, and to neither until it is over.
        let (known, elsewhere, unseen) =
            (ahead(urls[0], id), ahead(urls[1], id), ahead(urls[0], id));
        known.get("/v1/me").await.ok();
        elsewhere.get("/v1/me").await.ok();
        old.extend([known.at(urls[1]), known, elsewhere, unseen]);
    }
    let revoke = "/v1/admin/users/revoked/revoke";
    assert_eq!(service.post(revoke, &json!({})).await.status, 204);
    assert_eq!(service.delete("/v1/users/erased").await.status, 204);
    are_refused_for_good(&old).await;
    let erased = service.get("/v1/users/erased").await.ok();
    assert_eq!(
        (&erased["name"], &erased["isDeleted"]),
        (&json!(null), &json!(true))
    );
    // What that host signs now is new, whatever its clock says, and makes a new person.
    for id in ["revoked", "erased"] {
        let anew = ahead(urls[0], id);
        let me = eventually("a new token to be let in", async || {
            let me = anew.get("/v1/me").await;
            (me.status == 200).then_some(me.body)
        })
        .await;
        assert_eq!((&me["name"], me.get("isDeleted")), (&json!(id), None));
    }
}

#[tokio::test]
async fn what_was_seen_on_one_instance_is_taken_back_by_another_that_has_seen_nothing_of_that_clock()
 {
    let app = App::with(2, "").await;
    let urls = [&app.instances[0].url, &app.instances[1].url];
    let old = [ahead(urls[1], "alice"), ahead(urls[1], "carol")];
    for person in &old {
        person.get("/v1/me").await.ok();
    }
    // Its own token is of a clock that is right.
    let service = Person::service(urls[0]);
    let revoke = "/v1/admin/users/alice/revoke";
    assert_eq!(service.post(revoke, &json!({})).await.status, 204);
    assert_eq!(service.delete("/v1/users/carol").await.status, 204);
    are_refused_for_good(&old).await;
}
