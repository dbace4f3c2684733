//! How they are listed, and for how long they are kept.

use serde_json::json;

use super::{PAST, is, people, remind, to};
use crate::refusals::assert_problem;
use crate::scheduled::{ahead, id};
use crate::support::{App, eventually};

#[tokio::test]
async fn they_are_listed_the_soonest_first_page_by_page() {
    let app = App::start().await;
    let (service, ..) = people(&app).await;
    let (soon, late) = (ahead(1000), ahead(9000));
    for at in [&late, &soon, &late, &ahead(5000), &soon] {
        remind(&service, &to(&["alice"], at)).await;
    }
    for query in ["limit=2", "limit=2&state=WAITING"] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = service.get(&format!("/v1/reminders?{query}{token}")).await;
            let page = page.ok();
            seen.extend(page["items"].as_array().expect("items").clone());
            match page["nextPageToken"].as_str() {
                Some(next) => token = format!("&pageToken={next}"),
                None => break,
            }
        }
        let keys: Vec<_> = seen
            .iter()
            .map(|one| (one["at"].as_str().expect("a time"), id(one)))
            .collect();
        assert_eq!(keys.len(), 5);
        assert!(keys.windows(2).all(|two| two[0] < two[1]), "{keys:?}");
    }
    let none = service.get("/v1/reminders?state=FIRED").await.ok();
    assert_eq!(none, json!({ "items": [], "hasMore": false }));
    let nil = uuid::Uuid::nil();
    for token in [
        "",
        "r",
        "x1-0198c0de-0000-7000-8000-000000000000",
        "r1",
        &nil.to_string(),
        &format!("r-{nil}"),
        &format!("r1{nil}"),
        &format!("r9223372036854775807-{nil}"),
        &format!("r-9223372036854775808-{nil}"),
        &format!("r-90000000000000000-{nil}"),
        &format!("é{}", &nil.to_string()[1..]),
    ] {
        let answer = service
            .get(&format!("/v1/reminders?pageToken={token}"))
            .await;
        assert_problem(&answer, token, 400, "invalid-parameter", Some("pageToken"));
    }
    for (query, name) in [("state=DONE", "state"), ("limit=101", "limit")] {
        let answer = service.get(&format!("/v1/reminders?{query}")).await;
        assert_problem(&answer, query, 400, "invalid-parameter", Some(name));
    }
}

#[tokio::test]
async fn what_is_finished_is_kept_for_thirty_days() {
    let mut app = App::start().await;
    let (service, ..) = people(&app).await;
    for n in 0..3 {
        let path = remind(&service, &to(&["alice", "bob"], PAST)).await;
        is(&service, &path, "FIRED").await;
        let days = [31, 29, 31][n];
        let id = path.rsplit('/').next().expect("an id");
        let sql = format!(
            "update reminders set finished_at = now() - interval '{days} days' where id = '{id}'"
        );
        app.database.execute(&sql).await;
    }
    remind(&service, &to(&["alice"], &ahead(3600))).await;
    // It is looked for at a start.
    app.add("", &[]).await;
    let kept =
        "select 10 * (select count(*) from reminders) + (select count(*) from reminder_people)";
    eventually("the old to go", async || {
        (app.database.number(kept).await == 23).then_some(())
    })
    .await;
}
