//! Cursors: how far back they reach, when they end, and that a reader far behind is served in pages.

use reqwest::Method;
use serde_json::Value;

use crate::sse::Sse;
use crate::support::{Answer, App, Database, Person, eventually};

/// Messages of alice's, written as the writer writes them, but all at once.
async fn write_messages(database: &Database, conversation: &str, number: usize) {
    let log = format!(
        "begin;
         select pg_advisory_xact_lock(4714171);
         create temp table written on commit drop as
         select c.tenant_id, c.id as conversation_id, gen_random_uuid() as id, c.last_seq + n as seq, h.head + n as position
           from conversations c, (select max(position) as head from events) h, generate_series(1, {number}) n
          where c.id = '{conversation}';
         insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
         select tenant_id, id, conversation_id, seq, 'USER', 'alice', 'message ' || seq, position, position, now() from written;
         insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
         select position, tenant_id, 'message.created', conversation_id, id, 'alice', seq, now() from written;
         update conversations
            set (last_seq, last_position, activity_position) = (select max(seq), max(position), max(position) from written),
                last_message_at = now()
          where id = '{conversation}';
         update members set (read_up_to, shown_up_to) = (select max(seq), max(seq) from written)
          where conversation_id = '{conversation}' and user_id = 'alice';
         commit"
    );
    database.execute(&log).await;
}

/// The same cursor on all transports is expired; a stream says so inside.
async fn assert_expired(bob: &Person, cursor: &str) {
    let answer = bob.poll(cursor, "").await;
    assert_eq!(
        (answer.status, answer.code()),
        (410, "cursor-expired"),
        "{cursor}"
    );
    assert_eq!(answer.body["resync"], "/v1/sync");
    assert_eq!(bob.poll(cursor, "&wait=20").await.status, 410);
    let frames = Sse::open(bob, &format!("?since={cursor}"))
        .await
        .rest()
        .await;
    assert_eq!(frames[0].event, "resync", "{frames:?}");
}

/// The cursor that `/v1/sync` gives is good again.
async fn assert_sync_helps(bob: &Person) {
    let cursor = bob.get("/v1/sync").await.cursor();
    bob.poll(&cursor, "").await.ok();
}

async fn new_epoch(database: &Database) {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_causerie"))
        .arg("new-epoch")
        .env("DATABASE_URL", &database.url)
        .output()
        .await
        .expect("the program runs");
    assert!(output.status.success(), "{output:?}");
}

fn seqs(events: &[Value]) -> Vec<i64> {
    let messages = events
        .iter()
        .filter(|event| event["type"] == "message.created");
    messages
        .filter_map(|event| event["data"]["message"]["seq"].as_i64())
        .collect()
}

#[tokio::test]
async fn a_reader_far_behind_is_served_in_pages_from_memory_and_from_postgres_alike() {
    const MANY: usize = 10_500;
    // Without receipts: what has arrived would be told by events of their own.
    let mut app = App::with(1, "tenant={receipts=false}").await;
    app.add("ring={events=16},tenant={receipts=false}", &[])
        .await;
    let (_, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    write_messages(&app.database, &conversation, MANY).await;
    let (by_memory, by_store) = (bob.clone(), bob.at(&app.instances[1].url));
    let head = app
        .database
        .number("select max(position) from events")
        .await;
    for reader in [&by_memory, &by_store] {
        eventually("the instance has read the log", async || {
            // 503 while it is more than a few seconds behind.
            let cursor = reader.get("/v1/events").await.body["cursor"].take();
            let position = cursor.as_str()?.rsplit_once('-')?.1.parse::<i64>();
            (position == Ok(head)).then_some(())
        })
        .await;
    }
    let (expected, end) = by_memory.all_events(&start, 200).await;
    assert_eq!(seqs(&expected), (1..=MANY as i64).collect::<Vec<_>>());
    assert_eq!(
        app.instances[0].metric("causerie_catch_ups_total").await,
        0.0
    );
    for limit in [200, 50] {
        let (events, at) = by_store.all_events(&start, limit).await;
        assert!(events == expected, "limit {limit}");
        assert_eq!(at, end);
    }
    assert!(app.instances[1].metric("causerie_catch_ups_total").await > 50.0);
    // One by one, over the seam between Postgres and memory.
    let seam = expected[MANY - 61]["cursor"].as_str().expect("a cursor");
    let (events, at) = by_store.all_events(seam, 1).await;
    assert!(events == expected[MANY - 60..]);
    assert_eq!(at, end);
    let mut stream = Sse::open(&by_store, &format!("?since={start}")).await;
    let told = stream.events(MANY).await;
    assert!(told.iter().map(|frame| &frame.data).eq(&expected));
    let last = by_store.poll(seam, "").await.ok();
    assert_eq!(last["unread"]["total"], MANY);
}

#[tokio::test]
async fn a_cursor_of_another_log_or_above_the_head_is_gone() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "hi").await.ok();
    let cursor = bob.cursor().await;
    let (epoch, position) = cursor.split_once('-').expect("epoch and position");
    let other = if epoch == "c00000000" {
        "c00000001"
    } else {
        "c00000000"
    };
    assert_expired(&bob, &format!("{other}-{position}")).await;
    let above: i64 = position.parse::<i64>().expect("a number") + 1;
    assert_expired(&bob, &format!("{epoch}-{above}")).await;
    assert_eq!(bob.poll("nonsense", "").await.code(), "invalid-cursor");
    assert_sync_helps(&bob).await;
}

#[tokio::test]
async fn a_cursor_below_the_pruned_log_is_gone_and_the_oldest_is_what_is_kept() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for n in 1..=10 {
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    let (all, _) = bob.all_events("0", 200).await;
    let nth = |n: usize| all[n]["cursor"].as_str().expect("a cursor");
    let floor: i64 = nth(4)
        .rsplit_once('-')
        .and_then(|(_, p)| p.parse().ok())
        .expect("a position");
    app.database
        .execute(&format!(
            "update events set occurred_at = now() - interval '40 days' where position <= {floor}"
        ))
        .await;
    let mut connection = app.database.connect().await;
    let pruned = causerie::store::log::prune(&mut connection, 30).await;
    assert_eq!(pruned.expect("it prunes"), floor as u64);
    for instance in &app.instances {
        let bob = bob.at(&instance.url);
        eventually("the floor is known", async || {
            (bob.poll(nth(3), "").await.status == 410).then_some(())
        })
        .await;
        assert_expired(&bob, nth(0)).await;
        // The floor itself has missed nothing.
        let (kept, _) = bob.all_events(nth(4), 200).await;
        assert_eq!(kept, all[5..]);
        assert_eq!(bob.all_events("0", 200).await.0, all[5..]);
        assert_sync_helps(&bob).await;
    }
    // What was pruned is the log, not the messages.
    let path = format!("/v1/conversations/{conversation}/messages");
    assert_eq!(
        bob.get(&path).await.ok()["items"].as_array().map(Vec::len),
        Some(10)
    );
    alice.say(&conversation, "goes on").await.ok();
    assert_eq!(bob.all_events(nth(4), 200).await.0.len(), all.len() - 5 + 1);
}

#[tokio::test]
async fn a_new_epoch_ends_every_cursor_wait_and_stream() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    alice.say(&conversation, "before").await.ok();
    let old = bob.cursor().await;
    let mut streams = Vec::new();
    let mut waits = Vec::new();
    for instance in &app.instances {
        let bob = bob.at(&instance.url);
        for _ in 0..5 {
            let mut stream = Sse::open(&bob, &format!("?since={old}")).await;
            stream.until("unread").await;
            streams.push(stream);
            let (bob, old) = (bob.clone(), old.clone());
            waits.push(tokio::spawn(
                async move { bob.poll(&old, "&wait=50").await },
            ));
        }
        eventually("the waits", async || {
            (instance.metric("causerie_waits_open").await == 5.0).then_some(())
        })
        .await;
    }
    new_epoch(&app.database).await;
    for wait in waits {
        let answer: Answer = wait.await.expect("no panic");
        assert_eq!((answer.status, answer.code()), (410, "cursor-expired"));
        assert_eq!(answer.body["resync"], "/v1/sync");
    }
    for mut stream in streams {
        let frames = stream.rest().await;
        let last = frames.last().expect("a last word");
        assert_eq!(
            (last.event.as_str(), &last.data["reason"]),
            ("resync", &Value::from("cursor-expired"))
        );
        let head = last.id.as_deref().expect("the head of the new log");
        assert_ne!(head.split_once('-'), old.split_once('-'));
    }
    for instance in &app.instances {
        let (alice, bob) = (alice.at(&instance.url), bob.at(&instance.url));
        assert_expired(&bob, &old).await;
        assert_sync_helps(&bob).await;
        let now = bob.cursor().await;
        alice.say(&conversation, "after").await.ok();
        let page = bob.poll(&now, "&wait=20").await.ok();
        assert_eq!(page["events"][0]["data"]["message"]["content"], "after");
    }
    let path = format!("/v1/conversations/{conversation}/messages?since={old}");
    assert_eq!(bob.send(bob.request(Method::GET, &path)).await.status, 410);
}
