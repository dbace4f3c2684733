//! A database that was restored to an earlier state: another log, and nobody is told otherwise.

use serde_json::Value;

use crate::sse::Sse;
use crate::support::{App, Database, Person, eventually};

/// Takes the newest `number` messages back as a restore of an older backup would, all else being as it was then.
async fn lose_messages(database: &Database, conversation: &str, number: usize) {
    let sql = format!(
        "begin;
         select pg_advisory_xact_lock(4714171);
         create temp table kept on commit drop as
         select max(position) as head from events
          where position <= (select max(position) from events where type = 'message.created') - {number};
         delete from messages where changed_position > (select head from kept);
         delete from events where position > (select head from kept);
         update conversations
            set (last_seq, last_position, activity_position) = (
                    select coalesce(max(seq), 0), max(head), max(head)
                      from kept left join messages on conversation_id = '{conversation}')
          where id = '{conversation}';
         update members set read_up_to = least(read_up_to, (select last_seq from conversations where id = conversation_id));
         commit"
    );
    database.execute(&sql).await;
}

async fn epoch(database: &Database) -> String {
    sqlx::query_scalar("select epoch from log_state")
        .fetch_one(&mut database.connect().await)
        .await
        .expect("one row")
}

async fn expired(reader: &Person, cursor: &str) {
    eventually("the end of an old cursor", async || {
        let answer = reader.poll(cursor, "").await;
        match answer.status {
            410 => {
                assert_eq!(answer.body["resync"], "/v1/sync");
                Some(())
            }
            // Not sure which log it is: no answer is better than a wrong one.
            503 => None,
            // Nothing is told that the new log does not hold.
            _ => {
                assert_eq!(answer.ok()["events"], Value::Array(Vec::new()));
                None
            }
        }
    })
    .await;
}

/// Snapshot, send, poll: at each instance, over what is left.
async fn goes_on(alice: &Person, readers: &[Person], conversation: &str) {
    for (n, (reader, newest)) in readers.iter().zip(["15", "again"]).enumerate() {
        let snapshot = reader.get("/v1/sync").await;
        let (cursor, snapshot) = (snapshot.cursor(), snapshot.ok());
        let first = &snapshot["conversations"]["items"][0];
        assert_eq!(first["lastMessage"]["content"], newest);
        assert_eq!(snapshot["unread"]["total"], 15 + n);
        let sender = alice.at(&reader.base);
        let sent = sender.say(conversation, "again").await.ok();
        assert_eq!(sent["seq"], 16 + n);
        let page = reader.poll(&cursor, "&wait=20").await.ok();
        assert_eq!(page["events"][0]["data"]["message"]["content"], "again");
    }
}

#[tokio::test]
async fn a_log_that_lost_its_end_gets_one_new_epoch_and_goes_on() {
    let mut app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for n in 1..=20 {
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    let before = epoch(&app.database).await;
    let old = bob.cursor().await;
    let readers = [bob.clone(), bob.at(&app.instances[1].url)];
    let mut streams = Vec::new();
    for reader in &readers {
        eventually("the same head", async || {
            (reader.get("/v1/events").await.body["cursor"] == old.as_str()).then_some(())
        })
        .await;
        let mut stream = Sse::open(reader, &format!("?since={old}")).await;
        stream.until("unread").await;
        streams.push(stream);
    }
    lose_messages(&app.database, &conversation, 5).await;
    for (reader, mut stream) in readers.iter().zip(streams) {
        expired(reader, &old).await;
        let last = stream.rest().await.pop().expect("a last word");
        assert_eq!(
            (last.event.as_str(), &last.data["reason"]),
            ("resync", &Value::from("cursor-expired"))
        );
    }
    let after = epoch(&app.database).await;
    assert_ne!(after, before);
    goes_on(&alice, &readers, &conversation).await;
    // The epoch stays what it is, over reconnects and starts.
    let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid()";
    app.database.number(sql).await;
    let third = app.add("", &[]).await.url.clone();
    alice.at(&third).say(&conversation, "third").await.ok();
    for reader in &readers {
        eventually("all is well", async || {
            (reader.get("/v1/events").await.status == 200).then_some(())
        })
        .await;
    }
    assert_eq!(epoch(&app.database).await, after);
}

#[tokio::test]
async fn a_write_finds_the_loss_before_the_tail_does() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    for n in 1..=20 {
        alice.say(&conversation, &n.to_string()).await.ok();
    }
    let before = epoch(&app.database).await;
    let old = bob.cursor().await;
    lose_messages(&app.database, &conversation, 5).await;
    // At once, as many as were lost: in the old log they would fill the gap, and old cursors would skip them.
    let mut stored = Vec::new();
    for n in 0..5 {
        let sent = alice.say(&conversation, &format!("new {n}")).await;
        assert!(matches!(sent.status, 201 | 503), "{}", sent.text);
        stored.extend(sent.body["seq"].as_i64());
    }
    assert_eq!(stored, [16, 17, 18, 19, 20]);
    assert_ne!(epoch(&app.database).await, before);
    expired(&bob, &old).await;
    let (events, _) = bob.all_events("0", 200).await;
    let contents: Vec<_> = events
        .iter()
        .filter_map(|event| event["data"]["message"]["content"].as_str())
        .collect();
    assert_eq!(contents.len(), 20);
    assert_eq!(
        contents[14..],
        ["15", "new 0", "new 1", "new 2", "new 3", "new 4"]
    );
}
