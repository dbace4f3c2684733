//! Pages that live through a deploy and do what the contract asks of them: they keep their cursor, come back when they
//! are told to, and ask again at the pace they are given.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reqwest::{Client, Method, Response};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::frames::Frames;
use crate::support::{PATIENCE, Person};

/// What all clients share.
pub struct Scene {
    pub client: Client,
    pub start: Instant,
    /// Streams that are open now, as their clients see it.
    pub open: AtomicUsize,
    /// Set when enough was sent.
    pub enough: AtomicBool,
    /// Set when all of it was acknowledged: whoever has heard it may go.
    pub over: AtomicBool,
}

/// One page's life, in its own words.
pub struct Page {
    person: Person,
    cursor: String,
    /// How many messages it must hear in all, once `over`.
    expected: Arc<AtomicUsize>,
    pub heard: Vec<u64>,
    /// When it came back after it was sent away or failed.
    pub returns: Vec<Duration>,
    /// Its longest time without a good answer between losing one and having the next.
    pub longest_gap: Duration,
    lost_at: Option<Instant>,
    /// Answers that were no page, by their status; 0 for a cut or a refused connection.
    pub refused: Vec<u16>,
}

impl Page {
    pub fn new(person: Person, cursor: String, expected: Arc<AtomicUsize>) -> Self {
        Self {
            person,
            cursor,
            expected,
            heard: Vec::new(),
            returns: Vec::new(),
            longest_gap: Duration::ZERO,
            lost_at: None,
            refused: Vec::new(),
        }
    }

    fn is_done(&self, scene: &Scene) -> bool {
        scene.over.load(Ordering::Acquire)
            && self.heard.len() >= self.expected.load(Ordering::Acquire)
    }

    fn lost(&mut self) {
        self.lost_at.get_or_insert_with(Instant::now);
    }

    fn found(&mut self) {
        if let Some(lost_at) = self.lost_at.take() {
            self.longest_gap = self.longest_gap.max(lost_at.elapsed());
        }
    }

    fn hear(&mut self, event: &Value) {
        if event["type"] == "message.created" {
            let seq = event["data"]["message"]["seq"].as_u64();
            self.heard.push(seq.expect("a number"));
        }
    }

    async fn ask(&mut self, scene: &Scene, path: &str) -> Option<Response> {
        let url = format!("{}{path}", self.person.base);
        let request = scene.client.request(Method::GET, url);
        match request.bearer_auth(&self.person.token).send().await {
            Ok(answer) if answer.status() == 200 => Some(answer),
            Ok(answer) => {
                self.refused.push(answer.status().as_u16());
                let after = answer.headers().get("retry-after");
                let seconds = after.and_then(|after| after.to_str().ok()?.parse().ok());
                self.lost();
                sleep(Duration::from_secs(seconds.unwrap_or(0))).await;
                None
            }
            Err(_) => {
                self.refused.push(0);
                self.lost();
                None
            }
        }
    }

    /// Polls at the pace it is given.
    pub async fn poll(mut self, scene: Arc<Scene>) -> Self {
        sleep(Duration::from_millis(rand::random_range(0..3_000))).await;
        while !self.is_done(&scene) {
            let path = format!("/v1/events?since={}", self.cursor);
            if self.lost_at.is_some() {
                self.returns.push(scene.start.elapsed());
            }
            let answer = self.ask(&scene, &path).await;
            let page = match answer {
                Some(answer) => answer.json::<Value>().await.ok(),
                None => None,
            };
            let Some(page) = page else {
                self.lost();
                sleep(Duration::from_millis(rand::random_range(2_000..4_000))).await;
                continue;
            };
            self.found();
            for event in page["events"].as_array().expect("events") {
                self.hear(event);
            }
            page["cursor"]
                .as_str()
                .expect("a cursor")
                .clone_into(&mut self.cursor);
            if page["hasMore"] == false {
                let pause = page["poll"]["nextMs"].as_u64().expect("milliseconds");
                sleep(Duration::from_millis(pause)).await;
            }
        }
        self
    }

    /// Streams, and comes back after a goodbye when it says, after a cut when `retry:` says.
    pub async fn stream(mut self, scene: Arc<Scene>) -> Self {
        let mut retry = rand::random_range(2_000..6_000);
        let mut first = true;
        while !self.is_done(&scene) {
            if !std::mem::take(&mut first) {
                self.returns.push(scene.start.elapsed());
            }
            let path = format!("/v1/events/stream?since={}", self.cursor);
            let pause = match self.ask(&scene, &path).await {
                Some(answer) => {
                    let goodbye = self.follow(&scene, answer, &mut retry).await;
                    self.lost();
                    goodbye
                }
                None => None,
            };
            if !self.is_done(&scene) {
                sleep(Duration::from_millis(pause.unwrap_or(retry))).await;
            }
        }
        self
    }

    /// Until the stream ends; gives what its goodbye says.
    async fn follow(
        &mut self,
        scene: &Scene,
        mut answer: Response,
        retry: &mut u64,
    ) -> Option<u64> {
        let _open = Open::new(scene);
        self.found();
        let (mut frames, mut text) = (Frames::default(), Vec::new());
        while !self.is_done(scene) {
            let bytes = match timeout(PATIENCE, answer.chunk()).await.expect("heartbeats") {
                Ok(Some(bytes)) => bytes,
                Ok(None) | Err(_) => return None,
            };
            if text.len() < 64 {
                text.extend_from_slice(&bytes);
                *retry = told_to_retry(&text).unwrap_or(*retry);
            }
            for frame in frames.push(&bytes) {
                if frame.event.contains('.') {
                    self.hear(&serde_json::from_str(&frame.data).expect("JSON"));
                }
                if let Some(id) = frame.id {
                    self.cursor = id;
                }
                if frame.event == "goodbye" {
                    let told: Value = serde_json::from_str(&frame.data).expect("JSON");
                    return told["reconnectAfterMs"].as_u64();
                }
                assert_ne!(frame.event, "resync", "{}", frame.data);
            }
        }
        None
    }
}

/// The stream's first line.
fn told_to_retry(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    text.strip_prefix("retry: ")?.lines().next()?.parse().ok()
}

/// Counted for as long as it lives.
struct Open<'s>(&'s Scene);

impl<'s> Open<'s> {
    fn new(scene: &'s Scene) -> Self {
        scene.open.fetch_add(1, Ordering::AcqRel);
        Self(scene)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::AcqRel);
    }
}
