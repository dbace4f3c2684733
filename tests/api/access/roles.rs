//! Who is inside, and lacks a role; who has one in another tenant; and that whoever may is served.

use std::collections::BTreeSet;

use super::rows::Access;
use super::scene::{EARLY, LATE, PRIVATE, Scene};
use super::{assert_silent, of, send, things, told};
use crate::strangers::bare;

#[tokio::test]
async fn what_wants_a_role_is_refused_to_who_lacks_it_and_changes_nothing() {
    let scene = Scene::set().await;
    let seen = scene.seen_by_members().await;
    let before = scene.stored().await;
    for (row, call) in of(|access| access == Access::Admin) {
        let id = things(&scene, row.2)[0];
        let answer = send(row.request(&scene, &scene.bob, call, id)).await;
        let what = format!("{} by a MEMBER", row.what(call));
        assert_eq!(
            (answer.status, answer.code()),
            (403, "forbidden"),
            "{what}: {}",
            answer.text
        );
        assert_silent(&told(&answer), &[EARLY, LATE, PRIVATE], &what);
    }
    let mut refusals = BTreeSet::new();
    let members = [&scene.alice, &scene.bob];
    let outsiders = scene.outsiders.iter().map(|outsider| &outsider.person);
    for by in outsiders.chain(members) {
        for (row, call) in of(|access| access == Access::Service) {
            for id in things(&scene, row.2)
                .into_iter()
                .chain(["0198c0de-0000-7000-8000-000000000000"])
            {
                // What is kept of oneself is one's own to have.
                if row.2.ends_with("/export") && id == by.id {
                    continue;
                }
                let answer = send(row.request(&scene, by, call, id)).await;
                let what = format!("{} by {}", row.what(call), by.id);
                assert_eq!(
                    (answer.status, answer.code()),
                    (403, "service-only"),
                    "{what}"
                );
                refusals.insert(bare(&answer));
            }
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:#?}");
    assert_eq!(scene.stored().await, before, "nothing changed");
    assert_eq!(
        scene.seen_by_members().await,
        seen,
        "nor what its members see"
    );
}

#[tokio::test]
async fn the_backend_of_another_tenant_reaches_nothing_of_this_one() {
    let scene = Scene::set().await;
    let seen = scene.seen_by_members().await;
    let random = uuid::Uuid::now_v7().to_string();
    for (row, call) in
        of(|access| matches!(access, Access::Member | Access::Admin | Access::Service))
    {
        let what = format!("{} by another's backend", row.what(call));
        let mut answers = BTreeSet::new();
        for id in things(&scene, row.2).into_iter().chain([&*random]) {
            let answer = send(row.request(&scene, &scene.other_service, call, id)).await;
            assert_silent(&told(&answer), &[EARLY, LATE, PRIVATE], &what);
            // It puts people of its own, and has no side of a conversation to archive.
            let is_own = (row.1 != "get" && row.2.starts_with("/v1/users"))
                || row.2.ends_with("/export")
                || row.2.ends_with("/revoke")
                || row.2 == "/v1/notifications"
                || row.2 == "/v1/reminders"
                || row.2.ends_with("/emails")
                || row.2 == "/v1/admin/jobs"
                || call.1.contains("status");
            if !is_own {
                assert_eq!(
                    (answer.status, answer.code()),
                    (404, "not-found"),
                    "{what}: {}",
                    answer.text
                );
                answers.insert(bare(&answer));
            }
        }
        assert!(answers.len() <= 1, "{what}: {answers:#?}");
    }
    assert_eq!(scene.seen_by_members().await, seen, "nothing changed");
}

#[tokio::test]
async fn whoever_may_is_served_by_the_same_calls() {
    let scene = Scene::set().await;
    for (row, call) in of(|access| !matches!(access, Access::Public(_))) {
        let id = things(&scene, row.2)[0];
        let by = match row.0 {
            Access::Member => &scene.bob,
            Access::Service => &scene.service,
            _ => &scene.alice,
        };
        let what = row.what(call);
        if row.2 == "/v1/events/stream" {
            let opened = row
                .request(&scene, by, call, id)
                .send()
                .await
                .expect("an answer");
            assert_eq!(opened.status(), 200, "{what}");
            continue;
        }
        // The friend of the outsiders has been seen.
        let answer = send(row.request(&scene, by, call, id)).await;
        assert!(
            (200..300).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text
        );
    }
}
