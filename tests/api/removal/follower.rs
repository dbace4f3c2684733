//! Somebody who follows by one transport for as long as it is let, and what was told to them, in its order.

use std::sync::Arc;
use std::time::Duration;

use causerie::model::Cursor;
use reqwest::{Client, Method};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::workload::Frames;
use crate::support::{PATIENCE, Person};

/// How often a plain poll asks.
const RHYTHM: Duration = Duration::from_millis(250);

/// One event, as far as these tests look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub position: i64,
    pub conversation: String,
    pub kind: String,
    /// Whose joining or leaving, or which message: none of a notice.
    pub about: Option<String>,
}

impl Told {
    pub fn of(event: &Value) -> Self {
        let text = |pointer: &str| Some(event.pointer(pointer)?.as_str()?.to_owned());
        let cursor: Cursor = text("/cursor")
            .and_then(|cursor| cursor.parse().ok())
            .expect("a cursor");
        Self {
            position: cursor.position,
            conversation: text("/conversationId").expect("an id"),
            kind: text("/type").expect("a type"),
            about: text("/data/member/user/id").or_else(|| text("/data/message/clientMessageId")),
        }
    }

    pub fn is(&self, kind: &str, about: &str) -> bool {
        self.kind == kind && self.about.as_deref() == Some(about)
    }
}

/// How it reads. Polls go from one instance to the other with each request, a stream stays.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    Poll,
    LongPoll,
    Stream,
}

#[derive(Default)]
struct Log {
    told: Vec<Told>,
    cursor: String,
}

pub struct Follower {
    pub name: String,
    log: Arc<watch::Sender<Log>>,
    _task: JoinSet<()>,
}

impl Follower {
    /// Follows from `cursor` on, at these instances.
    pub fn start(
        client: &Client,
        urls: &[String],
        person: &Person,
        by: Transport,
        cursor: &str,
    ) -> Self {
        let log = Log {
            told: Vec::new(),
            cursor: cursor.to_owned(),
        };
        let log = Arc::new(watch::Sender::new(log));
        let reading = Reading {
            client: client.clone(),
            urls: urls.to_vec(),
            person: person.clone(),
            log: log.clone(),
        };
        let mut task = JoinSet::new();
        match by {
            Transport::Poll => task.spawn(reading.poll("", RHYTHM)),
            Transport::LongPoll => task.spawn(reading.poll("&wait=25", Duration::ZERO)),
            Transport::Stream => task.spawn(reading.stream()),
        };
        Self {
            name: format!("{by:?} of {}", person.id),
            log,
            _task: task,
        }
    }

    pub fn cursor(&self) -> String {
        self.log.borrow().cursor.clone()
    }

    /// Those of one conversation, from a position on.
    pub fn told(&self, conversation: &str, from: i64) -> Vec<Told> {
        let log = self.log.borrow();
        let is_asked = |told: &&Told| told.position >= from && told.conversation == conversation;
        log.told.iter().filter(is_asked).cloned().collect()
    }

    /// The position of the first event after `after` that is so, once it is told.
    pub async fn wait(&self, what: &str, after: i64, is_it: impl Fn(&Told) -> bool) -> i64 {
        let mut log = self.log.subscribe();
        let find = |log: &Log| {
            let newer = log.told.partition_point(|told| told.position <= after);
            log.told[newer..]
                .iter()
                .find(|told| is_it(told))
                .map(|told| told.position)
        };
        let found = timeout(PATIENCE, log.wait_for(|log| find(log).is_some())).await;
        let found = found.unwrap_or_else(|_| {
            panic!(
                "{} waited in vain for {what} after {after}: {:?}",
                self.name,
                self.log.borrow().told.last()
            )
        });
        find(&found.expect("it follows for as long as it is held")).expect("found")
    }
}

struct Reading {
    client: Client,
    urls: Vec<String>,
    person: Person,
    log: Arc<watch::Sender<Log>>,
}

impl Reading {
    async fn poll(self, more: &'static str, rhythm: Duration) {
        for n in 0.. {
            let cursor = self.log.borrow().cursor.clone();
            let url = &self.urls[n % self.urls.len()];
            let request = self
                .client
                .get(format!("{url}/v1/events?since={cursor}{more}"))
                .bearer_auth(&self.person.token);
            let page = self.person.send(request).await.ok();
            let events = page["events"].as_array().expect("events");
            let told: Vec<Told> = events.iter().map(Told::of).collect();
            let cursor = page["cursor"].as_str().expect("a cursor");
            self.take(told, cursor);
            if page["hasMore"] == false {
                tokio::time::sleep(rhythm).await;
            }
        }
    }

    async fn stream(self) {
        let cursor = self.log.borrow().cursor.clone();
        let path = format!("{}/v1/events/stream", self.urls[0]);
        let request = self
            .client
            .request(Method::GET, path)
            .header("Last-Event-ID", cursor);
        let answer = request.bearer_auth(&self.person.token).send().await;
        let mut answer = answer.expect("a stream");
        assert_eq!(answer.status(), 200);
        let mut frames = Frames::default();
        while let Some(chunk) = answer.chunk().await.expect("a stream stays whole") {
            for frame in frames.push(&chunk) {
                let is_durable = frame.event.contains('.');
                let told = is_durable.then(|| serde_json::from_str(&frame.data).expect("JSON"));
                let told: Vec<Told> = told.iter().map(Told::of).collect();
                let cursor = frame.id.unwrap_or_else(|| self.log.borrow().cursor.clone());
                self.take(told, &cursor);
            }
        }
        panic!("the stream of {} ended", self.person.id);
    }

    fn take(&self, told: Vec<Told>, cursor: &str) {
        self.log.send_if_modified(|log| {
            let is_news = !told.is_empty();
            log.told.extend(told);
            cursor.clone_into(&mut log.cursor);
            is_news
        });
    }
}
