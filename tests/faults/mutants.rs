//! The model against instances that are wrong on purpose: with each of a few seeds it must find the fault, by a check
//! that the fault is a matter of.

use reqwest::Method;
use serde_json::json;

use crate::play::{Plan, instances, play};
use crate::site::Kind;
use crate::support::workload::seeds;

/// With each seed, one of these kinds is what was wrong.
async fn is_found(fault: &str, kinds: &[Kind]) {
    // What is found on purpose need not be short.
    let plan = Plan {
        operations: 1000,
        tries: 0,
    };
    let app = instances(fault).await;
    for seed in seeds(2) {
        match play(&app, &[seed], plan).await {
            Ok(figures) => panic!("{fault}, seed {seed}: not found in {figures}"),
            Err((failure, story)) => {
                println!("{fault}, seed {seed}: {failure:.400}");
                assert!(kinds.contains(&failure.kind), "{fault}: {story}\n{failure}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_does_not_hear_of_leaving_shows_too_much() {
    is_found(
        "leaving-is-not-heard",
        &[Kind::Feed, Kind::Memory, Kind::Unread],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_reopens_the_old_stretch_shows_too_much() {
    is_found("rejoining-reopens", &[Kind::Feed, Kind::Memory]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_goes_on_counting_the_deleted_is_no_recount() {
    is_found("unread-keeps-the-deleted", &[Kind::Unread, Kind::Snapshot]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_that_goes_on_counting_deleted_notifications_is_no_recount() {
    is_found("notifications-stay-unread", &[Kind::Unread]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_that_keeps_old_text_hands_it_out() {
    is_found("ring-keeps-old-text", &[Kind::Text, Kind::Memory]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_that_keeps_old_excerpts_hands_them_out() {
    is_found("ring-keeps-old-excerpts", &[Kind::Text, Kind::Memory]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_were_turned_off_are_shown_to_nobody() {
    let kinds = [Kind::Receipts, Kind::Snapshot, Kind::Answer, Kind::Feed];
    is_found("receipts-though-off", &kinds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_change_too_much_is_noticed() {
    is_found("any-member-alters", &[Kind::Answer]).await;
}

/// The model knows nothing of time, and so nothing of typing: this fault is found where `typing::` of the `api` tests
/// looks for it, in a poll with the tag of before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_ignores_typing_hides_it() {
    for (fault, status) in [("none", 200), ("etag-ignores-typing", 304)] {
        let app = instances(fault).await;
        let (alice, bob, conversation) = app.two_people_talking().await;
        let since = bob.cursor().await;
        let quiet = bob.poll(&since, "").await;
        let path = format!("/v1/conversations/{conversation}/typing");
        alice.put(&path, &json!({ "isTyping": true })).await;
        let poll = bob.request(Method::GET, &format!("/v1/events?since={since}"));
        let tag = quiet.header("etag").expect("an ETag");
        let answer = bob.send(poll.header("If-None-Match", tag)).await;
        assert_eq!(answer.status, status, "{fault}: {}", answer.text);
    }
}
