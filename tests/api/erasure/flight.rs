//! An erasure against what is on its way: nothing that comes late is kept, whichever instance it reaches.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures::future::join_all;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::canaries::{CANARY, assert_free, finished, tables_with};
use super::site::Site;
use crate::support::App;

#[tokio::test]
async fn what_is_written_while_somebody_is_erased_is_refused_or_goes_as_well() {
    let app = App::with(2, "").await;
    let site = Site::build(&app).await;
    let (is_over, taken) = (AtomicBool::new(false), AtomicUsize::new(0));
    let there = site.alice.at(&app.instances[1].url);
    let path = format!("/v1/conversations/{}/messages", site.pair);
    let first = format!("/v1/messages/{}", site.messages[1]);
    let bob = site.bob.at(&there.base);
    let group = json!({ "type": "GROUP", "memberIds": ["alice"] });
    let write = async |n: usize| {
        let mut turn = 0;
        while !is_over.load(Ordering::Acquire) {
            turn += 1;
            let words = json!({ "content": format!("{CANARY} {n} {turn}") });
            let answer = match n % 4 {
                0 => there.patch(&first, &words).await,
                1 => bob.post("/v1/conversations", &group).await,
                _ => there.post(&path, &words).await,
            };
            assert!(answer.status != 500, "{}", answer.text);
            if answer.status < 300 {
                taken.fetch_add(1, Ordering::AcqRel);
            }
        }
    };
    let erase = async {
        while taken.load(Ordering::Acquire) < 100 {
            tokio::task::yield_now().await;
        }
        site.erase().await;
        finished(&app).await;
        is_over.store(true, Ordering::Release);
    };
    tokio::join!(join_all((0..8).map(write)), erase);

    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    let text = "
        select (select count(*) from messages x join users u using (tenant_id) where u.id = 'alice' and x.sender_id = u.id
                   and (x.created_position > u.erased_position or x.content is not null or x.deleted_at is null)),
               (select count(*) from members where user_id = 'alice' and left_position is null),
               (select count(*) from messages where sender_id = 'alice')";
    let (late, open, all): (i64, i64, i64) = sqlx::query_as(text)
        .fetch_one(&mut connection)
        .await
        .expect("a row");
    assert!(all > 0);
    assert_eq!((late, open), (0, 0), "late messages, open memberships");
    assert!(tables_with(&app, CANARY).await.is_empty());
    assert_free(&site.everything(&site.bob).await, "after the end");
}
