//! Connections that are cut exactly where it hurts: at COMMIT, when the writer cannot know what became of it.

use std::time::{Duration, Instant};

use rand::seq::IndexedRandom;
use serde_json::json;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::proxy::{Cut, Fault};
use crate::support::{Person, workload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_cut_at_commit() {
    let mut stage =
        Stage::set("a connection cut at COMMIT: before it, behind it, behind its answer").await;
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        let began = Instant::now();
        while began.elapsed() < stage.duration() {
            for n in 0..stage.stands.len() {
                let how = [Cut::Before, Cut::Passed, Cut::Answered];
                let how = how.choose(&mut stage.rng).expect("three");
                stage.stands[n].base.set(Fault::CutAtCommit(*how));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        for stand in &stage.stands {
            stand.base.set(Fault::None);
        }
        stage.recover(Instant::now()).await;
    })
    .await;
    let cuts: usize = stage.stands.iter().map(|stand| stand.base.cuts()).sum();
    stage.note(format!("{cuts} connections cut"));
    assert!(cuts > 20, "{cuts}");
    stage.judge(&history, Clients::Refused).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_whose_commit_was_not_answered_can_be_read_once_it_is_acknowledged() {
    let stage = Stage::set("every third COMMIT not answered, each write read at once").await;
    let url = stage.urls().remove(0);
    let (alice, bob) = (Person::new(&url, "alice"), Person::new(&url, "bob"));
    bob.get("/v1/me").await.ok();
    let conversation = alice.converse_with("bob").await;
    let base = &stage.stands[0].base;
    base.set(Fault::CutAtCommit(Cut::Answered));
    for n in 0..30 {
        let cursor = bob.cursor().await;
        alice.say(&conversation, &n.to_string()).await.ok();
        let page = bob.poll(&cursor, "").await.ok();
        let told = page["events"].as_array().map(Vec::len);
        assert_eq!(told, Some(1), "message {n}, {} cuts", base.cuts());
    }
    assert!(base.cuts() >= 5, "{}", base.cuts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_once_is_answered_as_done_though_its_commit_was_not_answered() {
    let stage = Stage::set("every third COMMIT not answered, each write told apart").await;
    let url = stage.urls().remove(0);
    let (alice, bob) = (Person::new(&url, "alice"), Person::new(&url, "bob"));
    bob.get("/v1/me").await.ok();
    let base = &stage.stands[0].base;
    base.set(Fault::CutAtCommit(Cut::Answered));
    for n in 0..15 {
        let group = json!({ "type": "GROUP", "memberIds": ["bob"], "key": format!("group {n}") });
        let created = alice.post("/v1/conversations", &group).await;
        assert_eq!(created.status, 201, "{n}: {}", created.text);
        let conversation = created.body["id"].as_str().expect("an id").to_owned();
        let message = alice.say(&conversation, "first").await.ok()["id"].take();
        let path = format!("/v1/messages/{}", message.as_str().expect("an id"));
        let edit = async |text: &str| alice.patch(&path, &json!({ "content": text })).await.ok();
        // In one batch or two: each of them took the place of another text, once.
        tokio::join!(edit("second"), edit("third"));
        let revisions = alice.get(&format!("{path}/revisions")).await.ok();
        let texts = revisions["items"].as_array().map(Vec::len);
        assert_eq!(texts, Some(2), "{n}: {revisions}");
    }
    assert!(base.cuts() >= 10, "{}", base.cuts());
}
