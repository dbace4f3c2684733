//! Those who write: they send, now and then send the same again, move their horizons, change what they have said, come and
//! go, and create conversations.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::timeout;

use super::Run;
use super::ask::Ask;
use super::own::Own;
use crate::support::history::{Conversation, Done, Outcome, Read, Send, Stored};
use crate::support::{PATIENCE, Person};

/// One writer's part of a burst.
pub(super) async fn write(run: Arc<Run>, writer: usize, burst: usize) {
    let mut rng = run.plan.rng((3 << 32) + (writer * 1000 + burst) as u64);
    let me = &run.people[writer % run.people.len()];
    let mut own = Vec::new();
    for n in 0..run.plan.messages {
        let key = format!("{:x}-{writer}-{burst}-{n}", run.plan.seed);
        run.turn(&mut rng, me, &mut own, &key).await;
    }
}

/// One writer, until it is told to stop.
pub(super) async fn write_on(run: Arc<Run>, writer: usize, stop: watch::Receiver<bool>) {
    let mut rng = run.plan.rng((6 << 32) + writer as u64);
    let me = &run.people[writer % run.people.len()];
    let mut own = Vec::new();
    for n in 0.. {
        if *stop.borrow() {
            return;
        }
        let key = format!("{:x}-{writer}-amid-{n}", run.plan.seed);
        run.turn(&mut rng, me, &mut own, &key).await;
    }
}

/// New conversations among the same people while they write.
pub(super) async fn create_more(run: Arc<Run>, burst: usize) {
    let mut rng = run.plan.rng((4 << 32) + burst as u64);
    run.pause(&mut rng, run.plan.pause * run.plan.messages as u32 / 2)
        .await;
    run.create_group(&mut rng).await;
    if run.plan.privates > 0 {
        run.create_private(&mut rng).await;
    }
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
    /// A pause, a message, and now and then something else.
    async fn turn(&self, rng: &mut StdRng, me: &Person, own: &mut Vec<Own>, key: &str) {
        self.pause(rng, self.plan.pause).await;
        let Some(Conversation { id, .. }) = self.any_conversation(me, rng) else {
            return;
        };
        if let Some(message) = self.say(rng, me, &id, key).await {
            own.push(Own {
                message,
                conversation: id,
                key: key.to_owned(),
                edits: 0,
            });
        }
        match rng.random_range(0..100) {
            0..20 => {
                if let Some(conversation) = self.any_conversation(me, rng) {
                    self.read(rng, me, &conversation.id).await;
                }
            }
            20..32 => self.change(rng, me, own, false).await,
            32..38 => self.change(rng, me, own, true).await,
            38..54 => self.step(rng, me).await,
            _ => {}
        }
    }

    pub(super) fn any_instance(&self, rng: &mut StdRng) -> usize {
        let any = rng.random_range(0..self.urls.len());
        self.plan.write_at.unwrap_or(any)
    }

    /// Sends a message, again with the same key while the answer is an error, and sometimes once more afterwards. Gives its
    /// id.
    pub(super) async fn say(
        &self,
        rng: &mut StdRng,
        by: &Person,
        conversation: &str,
        key: &str,
    ) -> Option<String> {
        let path = format!("/v1/conversations/{conversation}/messages");
        let text = format!("This is {key}.");
        let body = json!({ "content": text, "clientMessageId": key });
        let instance = self.any_instance(rng);
        let mut ask = Ask {
            by,
            instance,
            method: Method::POST,
            path: &path,
            body: Some(&body),
            conversation: Some(conversation),
        };
        let asked = self.ask(&ask).await;
        let outcome = match asked.done {
            Done::Acked { at, took } => Outcome::Acked {
                at,
                took,
                stored: stored(&asked.body),
            },
            Done::Failed => Outcome::Failed,
            Done::Ambiguous => Outcome::Ambiguous,
        };
        let mut replays = Vec::new();
        if matches!(outcome, Outcome::Acked { .. }) && rng.random_bool(0.05) {
            ask.instance = self.any_instance(rng);
            let (status, answer) = self.once(&ask).await;
            if (200..300).contains(&status) {
                replays.push(stored(&answer));
            }
        }
        let id = matches!(outcome, Outcome::Acked { .. }).then(|| stored(&asked.body).id);
        self.history().sends.push(Send {
            key: key.to_owned(),
            conversation: conversation.to_owned(),
            sender: by.id.clone(),
            text,
            instance,
            invoked: asked.invoked,
            outcome,
            replays,
        });
        id
    }

    /// Reads a conversation to its end, or a part of it.
    async fn read(&self, rng: &mut StdRng, by: &Person, conversation: &str) {
        let path = format!("/v1/conversations/{conversation}/read");
        let body = if rng.random_bool(0.5) {
            json!({})
        } else {
            json!({ "upTo": rng.random_range(1..10) })
        };
        let ask = Ask {
            by,
            instance: self.any_instance(rng),
            method: Method::POST,
            path: &path,
            body: Some(&body),
            conversation: Some(conversation),
        };
        let (invoked, mut n) = (self.now(), 0);
        // Trying again is harmless: the horizon only moves forward.
        let read_up_to = loop {
            let (status, answer) = self.once(&ask).await;
            match status {
                // There are not that many messages yet, or not for this reader: nothing has moved that still counts.
                422 | 404 => return,
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
            let ask = Ask {
                by: people[0],
                instance,
                method: Method::POST,
                path: "/v1/conversations",
                body: Some(body),
                conversation: None,
            };
            let (status, answer) = self.once(&ask).await;
            if (200..300).contains(&status) {
                let conversation = Conversation {
                    id: answer["id"].as_str().expect("an id").to_owned(),
                    members: people.iter().map(|person| person.id.clone()).collect(),
                    is_group: body["type"] == "GROUP",
                };
                self.found(&conversation);
                self.history().conversations.push(conversation);
                return;
            }
            self.pause(rng, Duration::from_millis(100)).await;
        }
        panic!("no conversation could be created: {body}");
    }
}

fn stored(message: &Value) -> Stored {
    Stored {
        id: message["id"].as_str().expect("an id").to_owned(),
        seq: message["seq"].as_i64().expect("a number"),
    }
}
