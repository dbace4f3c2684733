//! What reaches whom while it happens: streams and waits of outsiders, while the members go on.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::json;

use super::scene::{EARLY, LATE, Outsider, PRIVATE, Scene};
use super::{assert_silent, rows::ROWS};
use crate::listener::Listener;
use crate::support::Person;

/// What the members do while the outsiders listen: each kind of event, and what is not in the log.
async fn go_on(scene: &Scene) {
    let (alice, bob) = (&scene.alice, &scene.bob);
    for (of, mark) in [(&scene.group, LATE), (&scene.private, PRIVATE)] {
        let one = format!("/v1/conversations/{}", of.conversation);
        let typing = json!({ "isTyping": true });
        assert_eq!(bob.put(&format!("{one}/typing"), &typing).await.status, 204);
        alice
            .say(&of.conversation, &format!("{mark} live"))
            .await
            .ok();
        let edit = json!({ "content": format!("{mark} edited live") });
        alice
            .patch(&format!("/v1/messages/{}", of.message), &edit)
            .await
            .ok();
        alice
            .patch(
                &one,
                &json!({ "metadata": { "of": format!("{mark} live") } }),
            )
            .await
            .ok();
        bob.post(&format!("{one}/read"), &json!({})).await.ok();
    }
    let name = json!({ "name": format!("{LATE} bob") });
    scene.service.put("/v1/users/bob", &name).await.ok();
    let carol = format!(
        "/v1/conversations/{}/members/carol",
        scene.group.conversation
    );
    assert_eq!(alice.delete(&carol).await.status, 204);
}

/// Reads on until the words that its own friend says last.
async fn until_marker(mut stream: Listener) -> String {
    let mut heard = String::new();
    while let Some(frame) = stream.next().await {
        heard.push_str(&format!("{:?} {} {}\n", frame.id, frame.event, frame.data));
        if frame.data["data"]["message"]["content"] == "the marker" {
            return heard;
        }
    }
    panic!("it ended before the marker: {heard}")
}

async fn open(by: &Person, query: &str) -> Listener {
    Listener::open(by.request(Method::GET, &format!("/v1/events/stream{query}"))).await
}

#[tokio::test]
async fn a_stream_and_a_wait_of_an_outsider_hear_only_their_own() {
    let scene = Scene::set().await;
    let calls = ROWS.iter().find(|row| row.2 == "/v1/events/stream");
    let calls = calls
        .expect("a row")
        .3
        .iter()
        .map(|(query, _)| query.replace("CURSOR", &scene.cursor));
    let queries: Vec<String> = calls.chain([String::new()]).collect();
    let (mut streams, mut waits) = (Vec::new(), Vec::new());
    for outsider in &scene.outsiders {
        for query in &queries {
            let what = format!("a stream{query} of {}", outsider.what);
            streams.push((what, outsider, open(&outsider.person, query).await));
        }
        let (by, since) = (outsider.person.clone(), outsider.person.cursor().await);
        let wait = tokio::spawn(async move { by.poll(&since, "&wait=30").await });
        waits.push((format!("a wait of {}", outsider.what), outsider, wait));
    }
    go_on(&scene).await;
    let told: BTreeMap<_, &Outsider> = scene.outsiders.iter().map(|o| (&o.own, o)).collect();
    for (own, outsider) in told {
        outsider.friend.say(own, "the marker").await.ok();
    }
    for (what, outsider, stream) in streams {
        let heard = until_marker(stream).await;
        assert_silent(&heard, &scene.forbidden(outsider), &what);
        assert_eq!(
            heard.contains(EARLY),
            outsider.is_former && what.contains("since=0"),
            "{what}: {heard}"
        );
    }
    for (what, outsider, wait) in waits {
        let answer = wait.await.expect("no panic").ok().to_string();
        assert!(answer.contains("the marker"), "{what}: {answer}");
        assert_silent(&answer, &[EARLY, &*scene.group.conversation], &what);
        assert_silent(&answer, &scene.forbidden(outsider), &what);
    }
}
