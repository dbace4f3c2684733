//! A message that was edited for an hour: its earlier texts come a page at a time, whoever asks, and take a page's memory.

use serde_json::{Value, json};

use crate::hostile::{peak, reset_peak};
use crate::support::{App, Person};

/// Edits of one message. All their texts in one value would be more than Postgres can make.
const EDITS: i64 = 3_000;
/// Most memory that pages may take, in KiB: the largest one has 4 MB of text, which is held as rows and as bytes.
const MEMORY: i64 = 16 * 1024;
/// Gives back at once what is freed. Otherwise what the allocator keeps for later is counted too: some 20 MB, by chance.
const THRIFTY: (&str, &str) = ("_RJEM_MALLOC_CONF", "dirty_decay_ms:0,muzzy_decay_ms:0");

/// A message in a group of Alice's, edited so often that nobody waits for it here: 40 KB each, the first of its words a number.
async fn edited(app: &App, alice: &Person) -> String {
    let group = json!({ "type": "GROUP", "memberIds": [] });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let sent = alice
        .say(group["id"].as_str().expect("an id"), "0 edits")
        .await
        .ok();
    let id = sent["id"].as_str().expect("an id").to_owned();
    let text = format!(
        "insert into revisions (tenant_id, message_id, position, content, attachments, metadata, replaced_at, replaced_by)
         select 'default', '{id}', n, n || repeat(' words', 6660), '[]', '{{}}', now(), 'alice' from generate_series(1, {EDITS}) n"
    );
    app.database.execute(&text).await;
    id
}

/// Of each page what `pick` takes of it, from the first to the last.
async fn pages<T>(by: &Person, path: &str, mut pick: impl FnMut(&[Value]) -> Vec<T>) -> Vec<T> {
    let (mut all, mut query) = (Vec::new(), String::new());
    loop {
        let page = by.get(&format!("{path}{query}")).await.ok();
        all.extend(pick(page["items"].as_array().expect("items")));
        let Some(token) = page["nextPageToken"].as_str() else {
            assert_eq!(page["hasMore"], false);
            return all;
        };
        assert_eq!(page["hasMore"], true);
        let sign = if path.contains('?') { '&' } else { '?' };
        query = format!("{sign}pageToken={token}");
    }
}

fn number(text: &Value) -> i64 {
    let first = text.as_str().and_then(|text| text.split(' ').next());
    first.expect("words").parse().expect("a number")
}

/// Reads page after page, and gives the numbers of all texts, in the order in which they came.
async fn in_little_memory(app: &App, by: &Person, path: &str, text: &str) -> Vec<i64> {
    let instance = &app.instances[0];
    reset_peak(instance);
    let before = peak(instance);
    let read = pages(by, path, |items| {
        let texts = items.iter().filter_map(|item| item.pointer(text));
        texts.filter(|text| text.is_string()).map(number).collect()
    });
    let read = read.await;
    let grown = peak(instance) - before;
    println!("{path}: peak memory + {grown} KiB from {before} KiB");
    assert!(grown <= MEMORY, "peak memory grew by {grown} KiB");
    read
}

#[tokio::test]
async fn the_earlier_texts_of_a_message_are_listed_a_page_at_a_time() {
    let mut app = App::with(0, "").await;
    app.add("", &[THRIFTY]).await;
    let alice = app.person("alice");
    let list = format!("/v1/messages/{}/revisions", edited(&app, &alice).await);
    let largest = format!("{list}?limit=100");
    let read = in_little_memory(&app, &alice, &largest, "/content").await;
    assert_eq!(read, (1..=EDITS).collect::<Vec<_>>());
    let first = alice.get(&list).await.ok();
    assert_eq!(first["items"].as_array().map(Vec::len), Some(50));
    let beyond = format!("{list}?pageToken=p{}", i64::MAX);
    let beyond = alice.get(&beyond).await.ok();
    assert_eq!(
        (&beyond["items"], &beyond["hasMore"]),
        (&json!([]), &json!(false))
    );
}

#[tokio::test]
async fn the_earlier_texts_of_a_message_are_exported_a_page_at_a_time() {
    let mut app = App::with(0, "").await;
    app.add("", &[THRIFTY]).await;
    let alice = app.person("alice");
    edited(&app, &alice).await;
    let path = "/v1/users/alice/export";
    let mut read = in_little_memory(&app, &alice, path, "/data/content").await;
    // The message itself comes before them.
    assert_eq!(read.remove(0), 0);
    assert_eq!(read, (1..=EDITS).collect::<Vec<_>>());
}
