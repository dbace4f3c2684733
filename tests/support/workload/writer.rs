//! Those who write: they send, now and then send the same again, move their horizons, and create conversations.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use reqwest::Method;
use serde_json::{Value, json};

use super::Run;
use crate::support::Person;
use crate::support::history::{Conversation, Outcome, Read, Send, Stored};

/// How often a write is tried again when its answer does not say what became of it.
const RETRIES: usize = 3;

/// One writer's part of a burst.
pub(super) async fn write(run: Arc<Run>, writer: usize, burst: usize) {
    let mut rng = run.plan.rng((3 << 32) + (writer * 1000 + burst) as u64);
    let me = &run.people[writer % run.people.len()];
    for n in 0..run.plan.messages {
        run.pause(&mut rng, run.plan.pause).await;
        let Some(conversation) = run.any_conversation(me, &mut rng) else {
            continue;
        };
        let key = format!("{:x}-{writer}-{burst}-{n}", run.plan.seed);
        run.say(&mut rng, me, &conversation, &key).await;
        if rng.random_bool(0.2)
            && let Some(conversation) = run.any_conversation(me, &mut rng)
        {
            run.read(&mut rng, me, &conversation).await;
        }
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

impl Run {
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
        rng.random_range(0..self.urls.len())
    }

    /// Sends a message, again with the same key while the answer is an error, and sometimes once more afterwards.
    pub(super) async fn say(&self, rng: &mut StdRng, by: &Person, conversation: &str, key: &str) {
        let path = format!("/v1/conversations/{conversation}/messages");
        let body = json!({ "content": format!("This is {key}."), "clientMessageId": key });
        let instance = self.any_instance(rng);
        let invoked = self.now();
        let mut outcome = None;
        for _ in 0..=RETRIES {
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
        let (status, answer) = self.post(by, self.any_instance(rng), &path, &body).await;
        if status == 422 {
            // There are not that many messages yet; nothing has moved.
            return;
        }
        self.history().reads.push(Read {
            conversation: conversation.to_owned(),
            reader: by.id.clone(),
            read_up_to: answer["readUpTo"].as_i64(),
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
        for _ in 0..50 {
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
        let answer = request.timeout(Duration::from_secs(30)).send().await;
        let (status, answer) = match answer {
            Ok(answer) => (
                answer.status().as_u16(),
                answer.json().await.unwrap_or(Value::Null),
            ),
            Err(_) => (0, Value::Null),
        };
        if !(200..300).contains(&status) && status != 422 {
            *self.history().other_answers.entry(status).or_default() += 1;
        }
        (status, answer)
    }
}

fn stored(message: &Value) -> Stored {
    Stored {
        id: message["id"].as_str().expect("an id").to_owned(),
        seq: message["seq"].as_i64().expect("a number"),
    }
}
