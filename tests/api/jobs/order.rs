//! What goes before what, and what waits for another version.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::json;

use crate::scheduled::{ahead, are, path_of, schedule};
use crate::support::{App, Person, eventually};

#[tokio::test]
async fn what_one_person_says_in_one_conversation_is_sent_in_its_order() {
    let app = App::with(2, "jobs={at_once=0}").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let group = json!({ "type": "GROUP", "memberIds": ["bob"] });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let group = group["id"].as_str().expect("an id");
    let say = async |by: &Person, to: &str| {
        for n in 0..15 {
            let body = json!({ "content": format!("{} {n}", by.id), "deliverAt": ahead(1) });
            let answer = by.post(&path_of(to), &body).await;
            assert!((201..=202).contains(&answer.status), "{}", answer.text);
        }
    };
    let all = [
        (&alice, &*conversation),
        (&bob, &*conversation),
        (&alice, group),
    ];
    join_all(all.map(|(by, to)| say(by, to))).await;
    // All of it is due before anybody looks.
    let due = "select count(*) from jobs where run_at > now()";
    eventually("their time", async || {
        (app.database.number(due).await == 0).then_some(())
    })
    .await;
    let mut app = app;
    for _ in 0..2 {
        app.add("", &[]).await;
    }
    are(&app, "WAITING", 0).await;
    are(&app, "RUNNING", 0).await;
    for to in [&conversation, group] {
        let page = alice.get(&format!("{}?limit=100", path_of(to))).await.ok();
        let mut said: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        let mut items = page["items"].as_array().expect("items").clone();
        items.sort_by_key(|item| item["seq"].as_i64());
        for item in items {
            let content = item["content"].as_str().unwrap_or_default().to_owned();
            let (by, n) = content.split_once(' ').expect("two words");
            let n = n.parse().expect("a number");
            said.entry(by.to_owned()).or_default().push(n);
        }
        for (by, numbers) in &said {
            assert_eq!(*numbers, (0..15).collect::<Vec<_>>(), "{by} in {to}");
        }
        assert!(!said.is_empty());
    }
}

#[tokio::test]
async fn a_kind_of_another_version_waits_for_it_and_is_in_nobodys_way() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let host = Person::service(&alice.base);
    // One that waits, and one whose holder is gone.
    app.database
        .execute(
            "insert into jobs (tenant_id, id, kind, payload, state, run_at, max_attempts, lease, leased_until)
             values ('default', gen_random_uuid(), 'OF_TOMORROW', '{}', 'WAITING', now() - interval '1 s', 3, null, null),
                    ('default', gen_random_uuid(), 'OF_TOMORROW', '{}', 'RUNNING', now(), 3, gen_random_uuid(), now() - interval '1 s')",
        )
        .await;
    schedule(&alice, &conversation, "today").await;
    app.database
        .execute("update jobs set run_at = now() where kind = 'MESSAGE'")
        .await;
    are(&app, "DONE", 1).await;
    let page = bob.get(&path_of(&conversation)).await.ok();
    assert_eq!(page["items"][0]["content"], "today");
    let queue = host.get("/v1/admin/jobs").await.ok();
    assert_eq!(queue["items"].as_array().map(Vec::len), Some(1), "{queue}");
    let begun = "select count(*) from jobs where kind = 'OF_TOMORROW' and attempts > 0";
    assert_eq!(app.database.number(begun).await, 0);
    assert_eq!(
        app.instances[0]
            .log()
            .matches("which jobs are due is not known")
            .count(),
        0
    );
}

#[tokio::test]
async fn what_its_author_takes_back_is_gone_whatever_became_of_it() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let host = Person::service(&alice.base);
    let id = schedule(&alice, &conversation, "never mind").await;
    let act = async |what: &str| {
        let path = format!("/v1/admin/jobs/{id}/{what}");
        host.post(&path, &json!({})).await.status
    };
    assert_eq!(act("cancel").await, 200);
    let own = format!("/v1/scheduled-messages/{id}");
    assert_eq!(alice.delete(&own).await.status, 204);
    let left = "select count(*) from jobs where payload <> '{}'";
    assert_eq!(app.database.number(left).await, 0);
    assert_eq!(act("retry").await, 409);
    // One that was sent meanwhile, by its key, is not taken back.
    let body = |at: &str| json!({ "content": "c", "clientMessageId": "k", "deliverAt": at });
    let at = ahead(1);
    let answer = alice.post(&path_of(&conversation), &body(&at)).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    let id = answer.body["id"].as_str().expect("an id");
    are(&app, "DONE", 1).await;
    let back_off = format!(
        "update jobs set state = 'WAITING', run_at = now() + interval '1 hour' where id = '{id}'"
    );
    app.database.execute(&back_off).await;
    let own = format!("/v1/scheduled-messages/{id}");
    let answer = alice.delete(&own).await;
    assert_eq!((answer.status, answer.code()), (409, "job-started"));
}
