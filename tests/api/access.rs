//! Who gets at what: every mounted route, called by everybody who may not. Nothing of others is in any answer, nothing
//! that was refused has changed anything, and what is others' looks like what does not exist, byte for byte.

#[path = "access/live.rs"]
mod live;
#[path = "access/named.rs"]
mod named;
#[path = "access/roles.rs"]
mod roles;
#[path = "access/rows.rs"]
mod rows;
#[path = "access/scene.rs"]
mod scene;

use std::collections::BTreeSet;

use causerie::routes::mounted;
use reqwest::RequestBuilder;
use serde_json::json;

use self::rows::{Access, Call, ROWS, Row};
use self::scene::{EARLY, LATE, PRIVATE, Scene};
use crate::bad_requests::method;
use crate::scheduled::ahead;
use crate::strangers::bare;
use crate::support::{Answer, Person};

/// The things of others that a route's `{id}` may name; the first is one that alice and bob may both ask for.
fn things<'s>(scene: &'s Scene, path: &str) -> Vec<&'s str> {
    if path.contains("/users") {
        vec!["bob"]
    } else if path.contains("/notifications/{id}") {
        vec![&scene.notification]
    } else if path.contains("/reminders/{id}") {
        vec![&scene.reminder]
    } else if path.contains("/scheduled-messages/") {
        vec![&scene.ahead[0]]
    } else if path.contains("/jobs/") {
        vec![&scene.ahead[1]]
    } else if path.contains("/messages/{id}") {
        vec![
            &scene.group.message,
            &scene.early_message,
            &scene.private.message,
        ]
    } else if path.contains("/emails/{id}") {
        vec![&scene.email]
    } else if path.contains("{id}") {
        vec![&scene.group.conversation, &scene.private.conversation]
    } else {
        vec![""]
    }
}

impl Row {
    /// As `by` calls it, with `id` for the thing.
    fn request(
        &self,
        scene: &Scene,
        by: &Person,
        (query, body): &Call,
        id: &str,
    ) -> RequestBuilder {
        let Self(_, name, path, _) = self;
        let fill = |text: &str| {
            text.replace("CURSOR", &scene.cursor)
                .replace("AHEAD", &ahead(3600))
                .replace("TOKEN", &scene.page_token)
                .replace("EARLY", &scene.early_message)
                .replace("ID", id)
        };
        let path = path
            .replace("{id}", id)
            .replace("{userId}", "carol")
            .replace("{name}", "index.html");
        let request = by.request(method(&name.to_uppercase()), &(path + &fill(query)));
        if body.is_empty() {
            return request;
        }
        request
            .header("Content-Type", "application/json")
            .body(fill(body))
    }

    fn what(&self, (query, body): &Call) -> String {
        format!("{} {}{query} {body}", self.1, self.2)
    }
}

fn of(access: impl Fn(Access) -> bool) -> impl Iterator<Item = (&'static Row, &'static Call)> {
    let rows = ROWS.iter().filter(move |row| access(row.0));
    rows.flat_map(|row| row.3.iter().map(move |call| (row, call)))
}

fn nobody(scene: &Scene) -> Person {
    Person {
        id: "nobody".to_owned(),
        token: String::new(),
        base: scene.alice.base.clone(),
    }
}

async fn send(request: RequestBuilder) -> Answer {
    Person::new("", "nobody").send(request).await
}

/// What of an answer could tell something: everything but what it repeats of the request.
fn told(answer: &Answer) -> String {
    if answer.status >= 400 {
        bare(answer)
    } else {
        format!("{:?} {}", answer.headers, answer.text)
    }
}

#[track_caller]
fn assert_silent(answer: &str, forbidden: &[&str], what: &str) {
    for word in forbidden {
        assert!(!answer.contains(word), "{what}: {word} in {answer}");
    }
}

#[test]
fn every_mounted_route_has_a_row_and_every_row_a_route() {
    let rows = ROWS.iter().map(|Row(_, method, path, calls)| {
        assert!(!calls.is_empty(), "{path} is called");
        ((*method).to_owned(), (*path).to_owned())
    });
    assert_eq!(rows.collect::<BTreeSet<_>>(), mounted());
}

#[tokio::test]
async fn without_a_token_there_is_one_answer_and_what_is_public_holds_nothing_of_anybody() {
    let scene = Scene::set().await;
    let everybodys = [
        EARLY,
        LATE,
        PRIVATE,
        &*scene.group.conversation,
        &scene.private.conversation,
    ];
    let before = scene.stored().await;
    let mut refusals = BTreeSet::new();
    for (row, call) in of(|_| true) {
        let what = row.what(call);
        for id in things(&scene, row.2)
            .into_iter()
            .chain(["0198c0de-0000-7000-8000-000000000000"])
        {
            let url = row
                .request(&scene, &nobody(&scene), call, id)
                .build()
                .expect("a request");
            // With no header at all, not with an empty one.
            let mut bare_request =
                reqwest::Client::new().request(url.method().clone(), url.url().clone());
            if let Some(body) = url.body().and_then(|body| body.as_bytes()) {
                bare_request = bare_request
                    .header("Content-Type", "application/json")
                    .body(body.to_vec());
            }
            let answer = send(bare_request).await;
            assert_silent(&told(&answer), &everybodys, &what);
            match row.0 {
                Access::Public(_) if row.2.starts_with("/demo") || row.2 == "/v1/unsubscribe" => {
                    assert_eq!(answer.status, 404, "{what}")
                }
                Access::Public(_) => assert_eq!(answer.status, 200, "{what}"),
                _ => {
                    assert_eq!(
                        (answer.status, answer.code()),
                        (401, "token-missing"),
                        "{what}"
                    );
                    refusals.insert(bare(&answer));
                }
            }
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    assert_eq!(scene.stored().await, before, "nothing changed");
}

#[tokio::test]
async fn a_thing_of_others_is_a_thing_that_does_not_exist() {
    let scene = Scene::set().await;
    let seen = scene.seen_by_members().await;
    let before = scene.stored().await;
    let (mut calls, mut refusals) = (0, BTreeSet::new());
    for (row, call) in of(|access| matches!(access, Access::Member | Access::Admin)) {
        for outsider in &scene.outsiders {
            let random = uuid::Uuid::now_v7().to_string();
            for id in things(&scene, row.2).into_iter().chain([&*random]) {
                let what = format!("{} by {}", row.what(call), outsider.what);
                let answer = send(row.request(&scene, &outsider.person, call, id)).await;
                assert_eq!(
                    (answer.status, answer.code()),
                    (404, "not-found"),
                    "{what}: {}",
                    answer.text
                );
                refusals.insert(bare(&answer));
                calls += 1;
            }
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    println!("{calls} calls, {} answer", refusals.len());
    assert_eq!(scene.stored().await, before, "nothing changed");
    assert_eq!(
        scene.seen_by_members().await,
        seen,
        "nor what its members see"
    );
}

#[tokio::test]
async fn a_list_a_feed_and_a_count_hold_what_is_ones_own_alone() {
    let scene = Scene::set().await;
    let seen = scene.seen_by_members().await;
    for (row, call) in of(|access| access == Access::Own) {
        // A stream has no end to read to: see `live`.
        if row.2 == "/v1/events/stream" {
            continue;
        }
        for outsider in &scene.outsiders {
            let what = format!("{} by {}", row.what(call), outsider.what);
            let mut request = row.request(&scene, &outsider.person, call, "");
            // What alice has seen is news to everybody else.
            if row.1 == "get" {
                let of_alice = send(row.request(&scene, &scene.alice, call, "")).await;
                request =
                    request.header("If-None-Match", of_alice.header("ETag").unwrap_or("none"));
            }
            let answer = send(request).await;
            assert!(
                (200..300).contains(&answer.status),
                "{what}: {} {}",
                answer.status,
                answer.text
            );
            assert_silent(&told(&answer), &scene.forbidden(outsider), &what);
            // It repeats the ids that it was asked for, if they are there.
            let is_empty = row.2 != "/v1/presence" || answer.body["items"] == json!([]);
            assert!(is_empty, "{what}: {}", answer.text);
            let is_whole = ["?limit=100", "?since=0", "?page=1"].contains(&call.0);
            assert!(
                !is_whole || answer.text.contains(&outsider.own),
                "{what}: what is one's own is there"
            );
        }
    }
    assert_eq!(scene.seen_by_members().await, seen, "nothing changed");
}

/// Printed, not asserted: how much longer it takes to refuse what exists.
#[tokio::test]
async fn refusing_what_exists_takes_about_as_long_as_what_does_not() {
    let scene = Scene::set().await;
    let stranger = &scene.outsiders[0].person;
    for (path, existing) in [
        ("conversations", &scene.group.conversation),
        ("messages", &scene.group.message),
    ] {
        let (mut real, mut random) = (Vec::new(), Vec::new());
        for _ in 0..200 {
            let other = uuid::Uuid::now_v7().to_string();
            for (id, times) in [(existing, &mut real), (&other, &mut random)] {
                let begun = std::time::Instant::now();
                let answer = stranger.get(&format!("/v1/{path}/{id}")).await;
                times.push(begun.elapsed());
                assert_eq!(answer.status, 404);
            }
        }
        real.sort_unstable();
        random.sort_unstable();
        println!(
            "{path}: 404 in the median after {:?} if it exists, {:?} if not",
            real[100], random[100]
        );
    }
}
