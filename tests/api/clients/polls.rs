//! Polls, long-polls and what a page asks for, through a real nginx.

use super::curl::curl;
use crate::support::nginx::{BUFFERING, Nginx};
use crate::support::{App, eventually};

/// A poll, a long-poll that waits for a message, and 304s of both, by curl through `nginx`.
async fn assert_polls_work(app: &App, nginx: &Nginx, more: &[&str], compressed: bool) {
    let (alice, bob, conversation) = app.two_people_talking().await;
    let bob = bob.at(&nginx.url);
    let cursor = bob.cursor().await;
    alice.say(&conversation, "one").await.ok();
    let first = curl(&bob, &format!("/v1/events?since={cursor}"), more).await;
    assert_eq!((first.status, first.contents()), (200, vec!["one"]));
    assert_eq!(
        first.header("content-encoding"),
        compressed.then_some("gzip")
    );
    let path = format!("/v1/events?since={}", first.cursor());
    let empty = curl(&bob, &path, more).await;
    assert_eq!((empty.status, empty.contents().len()), (200, 0));
    let etag = empty.header("etag").expect("an ETag");
    assert!(etag.starts_with("W/"), "{etag}");
    let given = format!("If-None-Match: {etag}");
    let conditional = [more, &["-H", &given]].concat();
    for path in [path.clone(), format!("{path}&wait=1")] {
        let same = curl(&bob, &path, &conditional).await;
        assert_eq!(
            (same.status, same.header("etag")),
            (304, Some(etag)),
            "{path}"
        );
        assert!(same.header("x-poll-interval").is_some() && same.body.is_null());
    }
    let wait = format!("{path}&wait=30");
    let (woken, ()) = tokio::join!(curl(&bob, &wait, &conditional), async {
        eventually("the long-poll waits", async || {
            (app.instances[0].metric("causerie_waits_open").await == 1.0).then_some(())
        })
        .await;
        alice.say(&conversation, "two").await.ok();
    });
    assert_eq!((woken.status, woken.contents()), (200, vec!["two"]));
    assert_ne!(woken.header("etag"), Some(etag));
}

#[tokio::test]
async fn curl_polls_long_polls_and_gets_304_through_nginx_as_installed() {
    let app = App::start().await;
    let nginx = Nginx::as_installed(&app.instances[0]).await;
    assert_polls_work(&app, &nginx, &[], false).await;
}

#[tokio::test]
async fn curl_polls_long_polls_and_gets_304_through_nginx_that_buffers() {
    let app = App::start().await;
    let nginx = Nginx::with_location(&app.instances[0], BUFFERING).await;
    assert_polls_work(&app, &nginx, &[], false).await;
}

#[tokio::test]
async fn curl_polls_long_polls_and_gets_304_through_nginx_that_compresses() {
    let app = App::start().await;
    let nginx = Nginx::with_location(
        &app.instances[0],
        "gzip_types application/json; gzip_min_length 1;",
    )
    .await;
    assert_polls_work(&app, &nginx, &["--compressed"], true).await;
}

#[tokio::test]
async fn behind_nginx_a_page_works_once_its_origin_is_listed() {
    let app = App::with(1, "origins=[\"https://chat.example.org\"]").await;
    let nginx = Nginx::as_installed(&app.instances[0]).await;
    let bob = app.person("bob").at(&nginx.url);
    // Module scripts are asked for with an Origin, even by the page of the same site.
    let listed = curl(
        &bob,
        "/elements.js",
        &["-H", "Origin: https://chat.example.org"],
    )
    .await;
    assert_eq!(listed.status, 200);
    let other = curl(
        &bob,
        "/elements.js",
        &["-H", "Origin: https://other.example.org"],
    )
    .await;
    assert_eq!(
        (other.status, &other.body["code"]),
        (403, &"cross-site".into())
    );
    assert_eq!(other.body["instance"], "/elements.js");
    let internal = curl(&bob, "/cors/500", &[]).await;
    assert_eq!(
        (internal.status, &internal.body["code"]),
        (404, &"route-unknown".into())
    );
}
