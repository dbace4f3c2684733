//! Many people at once: writers that send, read, edit, delete, create, come and go, and followers of every kind, over
//! several instances. What they saw becomes a `History`. Every choice comes from the plan's seed; the order of events is the machine's.

mod amid;
mod ask;
mod body;
mod follower;
mod frames;
mod members;
mod own;
mod plan;
mod writer;

pub use amid::run_amid;
pub use frames::Frames;
pub use plan::{Habit, Plan, seeds};

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::{Method, RequestBuilder};
use tokio::task::JoinSet;

use super::Person;
use super::history::{self, Follower, History, Moment, Outcome, position};

/// A run that is under way.
pub struct Run {
    plan: Plan,
    /// Of the instances.
    urls: Vec<String>,
    people: Vec<Person>,
    client: reqwest::Client,
    began: Instant,
    history: Mutex<History>,
    members: Mutex<members::Members>,
    /// What each follower has received of messages.
    received: Vec<Received>,
}

/// Of each conversation, up to which number a follower has it.
type Received = Mutex<HashMap<String, i64>>;

/// Carries out a plan on fresh people. Several runs may follow each other on the same instances.
pub async fn run(urls: &[String], plan: Plan) -> History {
    let (run, followers) = Run::begin(urls, plan).await;
    run.bursts().await;
    drop(followers);
    run.end().await
}

/// Whether an answer says when to come back.
fn asks_to_retry(answer: &reqwest::Response) -> bool {
    answer.headers().contains_key("retry-after")
}

impl Run {
    /// People, their first conversations, and their followers, who end when the set is dropped.
    pub async fn begin(urls: &[String], plan: Plan) -> (Arc<Self>, JoinSet<()>) {
        let run = Arc::new(Self::new(urls, plan));
        let start = run.start_cursor().await;
        // So that their feeds are born with these conversations, and learn of the later ones.
        run.create_first().await;
        let followers = run.follow(&start);
        (run, followers)
    }

    /// The plan's bursts, each with the silence after it.
    pub async fn bursts(self: &Arc<Self>) {
        for burst in 0..self.plan.bursts {
            self.write(burst).await;
            let began = self.now();
            self.close(burst).await;
            let is_complete = self.settle().await;
            let quiet = (began, self.now());
            self.history().quiet.push(quiet);
            if !is_complete {
                // There is something to find, and more of it would only take longer.
                break;
            }
        }
    }

    /// What all of them saw, and what is unread at the end.
    pub async fn end(&self) -> History {
        self.read_unread().await;
        self.take()
    }

    /// What all of them have seen since it was last taken.
    pub fn take(&self) -> History {
        std::mem::take(&mut *self.history())
    }

    pub fn conversations(&self) -> Vec<history::Conversation> {
        self.history().conversations.clone()
    }

    fn new(urls: &[String], plan: Plan) -> Self {
        let person = |n| Person::new(&urls[0], &format!("{:x}-u{n}", plan.seed));
        Self {
            urls: urls.to_vec(),
            people: (0..plan.users).map(person).collect(),
            // Of this run's own runtime, so it may keep connections open, as clients do.
            client: reqwest::Client::new(),
            began: Instant::now(),
            history: Mutex::default(),
            members: Mutex::default(),
            received: (0..plan.users * plan.habits.len())
                .map(|_| Received::default())
                .collect(),
            plan,
        }
    }

    pub fn now(&self) -> Moment {
        self.began.elapsed()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().expect("nobody panics with it")
    }

    /// Where both are held, the history comes first.
    fn members(&self) -> MutexGuard<'_, members::Members> {
        self.members.lock().expect("nobody panics with it")
    }

    fn request(&self, by: &Person, instance: usize, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.urls[instance]))
            .bearer_auth(&by.token)
    }

    /// Makes everybody known, and gives a cursor from before the first conversation.
    async fn start_cursor(&self) -> String {
        for person in &self.people {
            person.get("/v1/me").await.ok();
        }
        // Somebody else's: the first poll of a user is what its feed is born by.
        let id = format!("{:x}-nobody", self.plan.seed);
        Person::new(&self.urls[0], &id).cursor().await
    }

    /// Starts one follower per user and habit, spread over the instances. They end when the set is dropped.
    fn follow(self: &Arc<Self>, start: &str) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        for person in &self.people {
            for habit in &self.plan.habits {
                let index = self.history().followers.len();
                self.history().followers.push(Follower {
                    name: format!("{habit:?} {index} of {}", person.id),
                    user: person.id.clone(),
                    start: position(start),
                    waits: matches!(habit, Habit::LongPoll | Habit::Stream),
                });
                tasks.spawn(follower::follow(
                    self.clone(),
                    index,
                    person.clone(),
                    *habit,
                    start,
                ));
            }
        }
        tasks
    }

    /// One burst: all writers at once, and new conversations among the same people in its middle.
    async fn write(self: &Arc<Self>, burst: usize) {
        let mut tasks = JoinSet::new();
        for writer in 0..self.plan.writers {
            tasks.spawn(writer::write(self.clone(), writer, burst));
        }
        tasks.spawn(writer::create_more(self.clone(), burst));
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a writer does not panic");
        }
    }

    async fn create_first(&self) {
        let mut rng = self.plan.rng(1 << 32);
        for _ in 0..self.plan.groups {
            self.create_group(&mut rng).await;
        }
        for _ in 0..self.plan.privates {
            self.create_private(&mut rng).await;
        }
    }

    /// A last message in each conversation: who has these has been given the chance to have everything before them.
    async fn close(&self, burst: usize) {
        let mut rng = self.plan.rng((2 << 32) + burst as u64);
        let conversations = self.history().conversations.clone();
        for (n, conversation) in conversations.iter().enumerate() {
            let is_in = |person: &&Person| self.is_in(&conversation.id, &person.id).is_some();
            let members: Vec<&Person> = self.people.iter().filter(is_in).collect();
            let sender = members.choose(&mut rng).expect("who made it stays");
            let key = format!("{:x}-end-{burst}-{n}", self.plan.seed);
            self.say(&mut rng, sender, &conversation.id, &key).await;
            self.pause(&mut rng, Duration::from_millis(20)).await;
        }
    }

    /// Waits until every follower has every message, but not longer than the plan allows: the checker says what is
    /// missing. Gives whether nothing is.
    async fn settle(&self) -> bool {
        let began = Instant::now();
        while !self.is_complete() {
            if began.elapsed() > self.plan.patience {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        true
    }

    fn is_complete(&self) -> bool {
        let history = self.history();
        // Of each conversation the newest acknowledged message: whoever has that was given what comes before it.
        let mut acked: HashMap<&str, i64> = HashMap::new();
        for send in &history.sends {
            if let Outcome::Acked { stored, .. } = &send.outcome {
                let newest = acked.entry(&send.conversation).or_default();
                *newest = stored.seq.max(*newest);
            }
        }
        let has_all = |(follower, received): (&Follower, &Received)| {
            let newest = received.lock().expect("nobody panics with it");
            let has = |(conversation, seq): (&&str, &i64)| {
                let is_member = self.is_in(conversation, &follower.user).is_some();
                !is_member || newest.get(*conversation).is_some_and(|at| at >= seq)
            };
            acked.iter().all(has)
        };
        history.followers.iter().zip(&self.received).all(has_all)
    }

    /// What every instance says at the end, once it has applied what the others have.
    async fn read_unread(&self) {
        let mut cursors = Vec::new();
        for url in &self.urls {
            cursors.push(self.people[0].at(url).cursor().await);
        }
        for (instance, url) in self.urls.iter().enumerate() {
            for cursor in &cursors {
                self.people[0].at(url).poll(cursor, "").await.ok();
            }
            for person in &self.people {
                let answer = person.at(url).get("/v1/unread").await.ok();
                self.history().unread.push(history::Unread {
                    user: person.id.clone(),
                    instance,
                    total: answer["total"].as_i64().expect("a number"),
                });
            }
        }
    }

    /// A pause of random length: the rhythm of people, not a wait for anything.
    async fn pause(&self, rng: &mut StdRng, longest: Duration) {
        tokio::time::sleep(longest.mul_f64(rng.random())).await;
    }
}
