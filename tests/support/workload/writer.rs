//! Those who write: they send, now and then send the same again, move their horizons, and create conversations.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Run, asks_to_retry};
use crate::support::history::{Conversation, Moment, Outcome, Read, Send, Stored};
use crate::support::{PATIENCE, Person};

/// How often a write is tried again at once when its answer does not say what became of it.
const RETRIES: usize = 3;
/// The longest pause before it is tried again, where the plan is patient.
const PAUSE: Duration = Duration::from_millis(400);

/// One writer's part of a burst.
pub(super) async fn write(run: Arc<Run>, writer: usize, burst: usize) {
    let mut rng = run.plan.rng((3 << 32) + (writer * 1000 + burst) as u64);
    let me = &run.people[writer % run.people.len()];
    for n in 0..run.plan.messages {
        let key = format!("{:x}-{writer}-{burst}-{n}", run.plan.seed);
        run.turn(&mut rng, me, &key).await;
    }
}

/// One writer, until it is told to stop.
pub(super) async fn write_on(run: Arc<Run>, writer: usize, stop: watch::Receiver<bool>) {
    let mut rng = run.plan.rng((6 << 32) + writer as u64);
    let me = &run.people[writer % run.people.len()];
    for n in 0.. {
        if *stop.borrow() {
            return;
        }
        let key = format!("{:x}-{writer}-amid-{n}", run.plan.seed);
        run.turn(&mut rng, me, &key).await;
    }
}

/// New conversations among the same people while they write.
pub(super) async fn create_more(run: Arc<Run>, burst: usize) {
    let mut rng = run.plan.rng((4 << 32) + burst as u64);
    run.pause(&mut rng, run.plan.pause * run.plan.messages as u32 / 2)
        .await;
    run.create_group(&mut rng).await;
    run.create_private(&mut rng).await;
}

/// New conversations every few seconds, until it is told to stop.
pub(super) async fn create_on(run: Arc<Run>, mut stop: watch::Receiver<bool>) {
    let mut rng = run.plan.rng(7 << 32);
    loop {
        let pause = Duration::from_secs(5).mul_f64(rng.random());
        // An error is the end as well.
        if timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
        if rng.random() {
            run.create_group(&mut rng).await;
        } else {
            run.create_private(&mut rng).await;
        }
    }
}

impl Run {
    /// A pause, a message, and now and then a look at another conversation. What people will do once the service knows
    /// it (edit, delete, join, leave) belongs here, and its judgement into `history`.
    async fn turn(&self, rng: &mut StdRng, me: &Person, key: &str) {
        self.pause(rng, self.plan.pause).await;
        let Some(conversation) = self.any_conversation(me, rng) else {
            return;
        };
        self.say(rng, me, &conversation, key).await;
        if rng.random_bool(0.2)
            && let Some(conversation) = self.any_conversation(me, rng)
        {
            self.read(rng, me, &conversation).await;
        }
    }

    fn any_conversation(&self, of: &Person, rng: &mut StdRng) -> Option<String> {
        let history = self.history();
        let mine: Vec<&Conversation> = history
            .conversations
            .iter()
            .filter(|conversation| conversation.members.contains(&of.id))
            .collect();
        Some(mine.choose(rng)?.id.clone())
    }

    fn any_instance(&self, rng: &mut StdRng) -> usize {
        let any = rng.random_range(0..self.urls.len());
        self.plan.write_at.unwrap_or(any)
    }

    /// Sends a message, again with the same key while the answer is an error, and sometimes once more afterwards.
    pub(super) async fn say(&self, rng: &mut StdRng, by: &Person, conversation: &str, key: &str) {
        let path = format!("/v1/conversations/{conversation}/messages");
        let body = json!({ "content": format!("This is {key}."), "clientMessageId": key });
        let instance = self.any_instance(rng);
        let invoked = self.now();
        let mut outcome = None;
        for n in 0.. {
            if n > 0 && !self.tries_again(n, invoked).await {
                break;
            }
            let asked = self.now();
            let (status, answer) = self.post(by, instance, &path, &body).await;
            match status {
                200..300 => {
                    let at = self.now();
                    outcome = Some(Outcome::Acked {
                        at,
                        took: at - asked,
                        stored: stored(&answer),
                    });
                    break;
                }
                // Of the first try only: after an error the earlier one may have been stored.
                400..500 if outcome.is_none() => {
                    outcome = Some(Outcome::Failed);
                    break;
                }
                _ => outcome = Some(Outcome::Ambiguous),
            }
        }
        let mut replays = Vec::new();
        if matches!(outcome, Some(Outcome::Acked { .. })) && rng.random_bool(0.05) {
            let other = self.any_instance(rng);
            let (status, answer) = self.post(by, other, &path, &body).await;
            if (200..300).contains(&status) {
                replays.push(stored(&answer));
            }
        }
        self.history().sends.push(Send {
            key: key.to_owned(),
            conversation: conversation.to_owned(),
            sender: by.id.clone(),
            instance,
            invoked,
            outcome: outcome.expect("it was tried"),
            replays,
        });
    }

    /// Reads a conversation to its end, or a part of it.
    async fn read(&self, rng: &mut StdRng, by: &Person, conversation: &str) {
        let path = format!("/v1/conversations/{conversation}/read");
        let body = if rng.random_bool(0.5) {
            json!({})
        } else {
            json!({ "upTo": rng.random_range(1..10) })
        };
        let instance = self.any_instance(rng);
        let (invoked, mut n) = (self.now(), 0);
        // Trying again is harmless: the horizon only moves forward.
        let read_up_to = loop {
            let (status, answer) = self.post(by, instance, &path, &body).await;
            match status {
                // There are not that many messages yet; nothing has moved.
                422 => return,
                200..300 => break answer["readUpTo"].as_i64(),
                _ => n += 1,
            }
            if self.plan.retry_for.is_zero() || !self.tries_again(n, invoked).await {
                break None;
            }
        };
        self.history().reads.push(Read {
            conversation: conversation.to_owned(),
            reader: by.id.clone(),
            read_up_to,
        });
    }

    /// Whether what was first tried at `invoked` is tried for the `n`th time more, after a pause if the plan has time.
    async fn tries_again(&self, n: usize, invoked: Moment) -> bool {
        if self.plan.retry_for.is_zero() {
            return n <= RETRIES;
        }
        tokio::time::sleep((Duration::from_millis(50) * n as u32).min(PAUSE)).await;
        self.now() < invoked + self.plan.retry_for
    }

    pub(super) async fn create_group(&self, rng: &mut StdRng) {
        let mut people: Vec<&Person> = self.people.iter().collect();
        people.shuffle(rng);
        people.truncate(rng.random_range(self.plan.group_sizes.clone()));
        // With a key, so that trying again creates nothing twice.
        let ids: Vec<&str> = people[1..].iter().map(|person| &*person.id).collect();
        let body = json!({ "type": "GROUP", "memberIds": ids, "key": format!("g{}", rng.random::<u64>()) });
        self.create(rng, &people, &body).await;
    }

    pub(super) async fn create_private(&self, rng: &mut StdRng) {
        let mut people: Vec<&Person> = self.people.iter().collect();
        people.shuffle(rng);
        people.truncate(2);
        let context = json!({ "type": "AD", "id": format!("ad-{}", rng.random::<u64>()) });
        let body = json!({ "type": "PRIVATE", "recipientId": people[1].id, "context": context });
        self.create(rng, &people, &body).await;
    }

    /// The first of `people` creates it.
    async fn create(&self, rng: &mut StdRng, people: &[&Person], body: &Value) {
        let instance = self.any_instance(rng);
        let began = self.now();
        while self.now() < began + PATIENCE {
            let (status, answer) = self
                .post(people[0], instance, "/v1/conversations", body)
                .await;
            if (200..300).contains(&status) {
                self.history().conversations.push(Conversation {
                    id: answer["id"].as_str().expect("an id").to_owned(),
                    members: people.iter().map(|person| person.id.clone()).collect(),
                });
                return;
            }
            self.pause(rng, Duration::from_millis(100)).await;
        }
        panic!("no conversation could be created: {body}");
    }

    /// The status, 0 without one, and the body. What is neither stored nor a page is counted.
    async fn post(&self, by: &Person, instance: usize, path: &str, body: &Value) -> (u16, Value) {
        let request = self.request(by, instance, Method::POST, path).json(body);
        let (mut status, mut body, mut retry) = (0, Value::Null, false);
        if let Ok(answer) = request.timeout(Duration::from_secs(30)).send().await {
            (status, retry) = (answer.status().as_u16(), asks_to_retry(&answer));
            // An answer that is cut off is none.
            match answer.json().await {
                Ok(json) => body = json,
                Err(_) => status = 0,
            }
        }
        // A horizon beyond the newest message is the writer's own mistake.
        let is_meant = status == 422 && path.ends_with("/read");
        if !(200..300).contains(&status) && !is_meant {
            self.history().other_answer(status, retry, path);
        }
        (status, body)
    }
}

fn stored(message: &Value) -> Stored {
    Stored {
        id: message["id"].as_str().expect("an id").to_owned(),
        seq: message["seq"].as_i64().expect("a number"),
    }
}
