//! A batch of writes: many share one commit, and one that cannot be stored harms nobody else.

use futures::future::join_all;

use crate::support::{App, eventually};

/// Sends all of these in one batch: they queue up while the log's lock is held elsewhere.
async fn in_one_batch(
    app: &App,
    sends: impl Iterator<Item = impl Future<Output = crate::support::Answer>>,
) -> Vec<crate::support::Answer> {
    let mut other = app.database.connect().await;
    sqlx::query("select pg_advisory_lock(4714171)")
        .execute(&mut other)
        .await
        .expect("the lock");
    let release = async {
        eventually("a queue behind the writer", async || {
            let queued = app.instances[0]
                .metric("causerie_batches_retried_total")
                .await;
            (queued > 0.0).then_some(())
        })
        .await;
        drop(other);
    };
    let (answers, ()) = tokio::join!(join_all(sends), release);
    answers
}

#[tokio::test]
async fn one_message_that_cannot_be_stored_harms_only_itself() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let start = bob.cursor().await;
    // 23514, a violation of a check, and 22012, a division by zero.
    app.database
        .execute(
            "alter table messages add constraint no_bad_luck check (content <> 'bad luck');
             create function fail() returns trigger language plpgsql as
             $$ begin if new.content = 'bad sum' then perform 1 / 0; end if; return new; end $$;
             create trigger fail before insert on messages for each row execute function fail()",
        )
        .await;
    let texts: Vec<_> = (0..60)
        .map(|n| match n {
            17 => "bad luck".to_owned(),
            42 => "bad sum".to_owned(),
            n => n.to_string(),
        })
        .collect();
    let answers = in_one_batch(
        &app,
        texts.iter().map(|text| alice.say(&conversation, text)),
    )
    .await;
    let mut seqs = Vec::new();
    for (text, answer) in texts.iter().zip(answers) {
        if text.starts_with("bad") {
            assert_eq!((answer.status, answer.code()), (500, "internal"), "{text}");
            assert!(!answer.text.contains("no_bad_luck"), "{}", answer.text);
        } else {
            assert_eq!(answer.status, 201, "{text}: {}", answer.text);
            seqs.extend(answer.body["seq"].as_i64());
        }
    }
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=58).collect::<Vec<_>>(), "no hole");
    let splits = app.instances[0]
        .metric("causerie_batches_split_total")
        .await;
    println!("58 of 60 stored after {splits} splits");
    assert!(splits > 0.0, "they were in one batch");
    let (events, _) = bob.all_events(&start, 200).await;
    assert_eq!(events.len(), 58);
    alice.say(&conversation, "goes on").await.ok();
}
