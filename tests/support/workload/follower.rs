//! Those who read: one cursor each, carried from page to page and from transport to transport.

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use reqwest::{Method, Response};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::body::{Body, Unread};
use super::frames::{Frame, Frames};
use super::{Habit, Run, asks_to_retry};
use crate::support::Person;
use crate::support::history::{Count, Moment, Page, Seen, Transport, What, position};

/// How long a hopping follower stays.
const STAY: Duration = Duration::from_secs(1);
/// A poller's longest pause.
const RHYTHM: Duration = Duration::from_millis(250);

struct Client {
    run: Arc<Run>,
    index: usize,
    person: Person,
    rng: StdRng,
    cursor: String,
    instance: usize,
    /// What the last page was tagged with, for a poller that asks "anything but this?".
    etag: Option<String>,
}

/// Follows from `cursor` for as long as it is let.
pub(super) fn follow(
    run: Arc<Run>,
    index: usize,
    person: Person,
    habit: Habit,
    cursor: &str,
) -> impl Future<Output = ()> + Send + 'static {
    let mut client = Client {
        rng: run.plan.rng((5 << 32) + index as u64),
        instance: index % run.urls.len(),
        index,
        person,
        cursor: cursor.to_owned(),
        etag: None,
        run,
    };
    async move {
        match habit {
            Habit::Poll(limit) => loop {
                client.poll_with_pause(limit).await;
            },
            Habit::LongPoll => loop {
                client.poll(200, 25, false).await;
            },
            Habit::Stream => loop {
                client.stream(None).await;
            },
            Habit::Hop => client.hop().await,
        }
    }
}

impl Client {
    /// Three transports and two instances: all six pairs come in turn.
    async fn hop(&mut self) {
        self.run.pause(&mut self.rng, STAY).await;
        for n in 0.. {
            let until = Instant::now() + STAY;
            self.instance = n % self.run.urls.len();
            match n % 3 {
                0 => {
                    while Instant::now() < until {
                        self.poll_with_pause(50).await;
                    }
                }
                1 => {
                    while Instant::now() < until {
                        self.poll(200, 1, false).await;
                    }
                }
                _ => {
                    self.stream(Some(until)).await;
                    // A stream that ended before its time is not opened again at once.
                    tokio::time::sleep_until(until).await;
                }
            }
        }
    }

    /// Polls, asks again at once while there is more, and pauses.
    async fn poll_with_pause(&mut self, limit: usize) {
        while self.poll(limit, 0, limit == 50).await {}
        self.run.pause(&mut self.rng, RHYTHM).await;
    }

    /// Asks once. Gives whether there is more.
    async fn poll(&mut self, limit: usize, wait: u64, conditional: bool) -> bool {
        let wait = match wait {
            0 => String::new(),
            seconds => format!("&wait={seconds}"),
        };
        let transport = if wait.is_empty() {
            Transport::Poll
        } else {
            Transport::LongPoll
        };
        let path = format!("/v1/events?since={}&limit={limit}{wait}", self.cursor);
        let mut request = self
            .run
            .request(&self.person, self.instance, Method::GET, &path);
        if let (true, Some(etag)) = (conditional, &self.etag) {
            request = request.header("If-None-Match", etag);
        }
        let asked = self.run.now();
        let answer = request.timeout(Duration::from_secs(60)).send().await;
        let Some(answer) = self.expect_page(answer).await else {
            return false;
        };
        let is_unchanged = answer.status() == 304;
        let etag = answer.headers().get("ETag");
        self.etag = etag.and_then(|etag| Some(etag.to_str().ok()?.to_owned()));
        let Ok(text) = answer.text().await else {
            self.run
                .history()
                .other_answer(0, false, "the body of a poll");
            return false;
        };
        let here = position(&self.cursor);
        let mut page = self.page(transport, Some(asked), here, here);
        if !is_unchanged {
            let body: Body<'_> = serde_json::from_str(&text).expect("a page is JSON");
            page.from = position(&body.from);
            page.cursor = position(&body.cursor);
            page.has_more = body.has_more;
            page.unread = body.unread.map(Count::from);
            page.events = body.events.iter().map(|e| Seen::parse(e.get())).collect();
            self.cursor = body.cursor;
        }
        let has_more = page.has_more;
        self.record(page);
        has_more
    }

    /// A page, or the opened stream. Anything else is noted, and answered with patience.
    async fn expect_page(&self, answer: reqwest::Result<Response>) -> Option<Response> {
        let status = answer.as_ref().map_or(0, |a| a.status().as_u16());
        let asks_to_retry = answer.as_ref().is_ok_and(asks_to_retry);
        if let (200 | 304, Ok(answer)) = (status, answer) {
            return Some(answer);
        }
        if status == 410 {
            self.refused("410");
        } else {
            self.run
                .history()
                .other_answer(status, asks_to_retry, "a poll or stream");
        }
        tokio::time::sleep(RHYTHM).await;
        None
    }

    fn refused(&self, what: &str) {
        let what = format!("{what} for {}", self.cursor);
        self.run.history().refusals.push((self.index, what));
    }

    /// Reads a stream until its end, or until then.
    async fn stream(&mut self, until: Option<Instant>) {
        let request = self
            .run
            .request(
                &self.person,
                self.instance,
                Method::GET,
                "/v1/events/stream",
            )
            .header("Last-Event-ID", &self.cursor);
        let silence = self.run.plan.silence;
        let patience = || until.unwrap_or_else(|| Instant::now() + silence);
        let Ok(answer) = timeout_at(patience(), request.send()).await else {
            return;
        };
        let Some(mut answer) = self.expect_page(answer).await else {
            return;
        };
        let mut frames = Frames::default();
        while let Ok(chunk) = timeout_at(patience(), answer.chunk()).await {
            let bytes = match chunk {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return,
                Err(_) => break,
            };
            for frame in frames.push(&bytes) {
                if self.take(frame) {
                    // As the end of one tells to, clients come back a little later.
                    tokio::time::sleep(RHYTHM).await;
                    return;
                }
            }
        }
        if until.is_none_or(|until| Instant::now() < until) {
            self.run.history().other_answer(0, false, "a stream broke");
        }
    }

    /// Gives whether it was the last.
    fn take(&mut self, frame: Frame) -> bool {
        let here = position(&self.cursor);
        let to = frame.id.as_deref().map_or(here, position);
        let mut page = self.page(Transport::Stream, None, here, to);
        match frame.event.as_str() {
            "hello" => page.from = to,
            "heartbeat" | "ephemeral" => {}
            "unread" => {
                let unread: Unread = serde_json::from_str(&frame.data).expect("unread counts");
                page.unread = Some(unread.into());
            }
            "resync" => {
                self.refused(&frame.data);
                return true;
            }
            "goodbye" => return true,
            "error" => {
                let problem: Value = serde_json::from_str(&frame.data).expect("a problem is JSON");
                let status = problem["status"].as_u64().unwrap_or_default() as u16;
                let asks_to_retry = problem["retryAfterMs"].is_u64();
                self.run
                    .history()
                    .other_answer(status, asks_to_retry, "the end of a stream");
                return true;
            }
            _ => page.events.push(Seen::parse(&frame.data)),
        }
        if let Some(id) = frame.id {
            self.cursor = id;
        }
        self.record(page);
        false
    }

    fn page(&self, transport: Transport, asked: Option<Moment>, from: i64, cursor: i64) -> Page {
        Page {
            follower: self.index,
            transport,
            instance: self.instance,
            asked,
            at: self.run.now(),
            from,
            cursor,
            has_more: false,
            unread: None,
            events: Vec::new(),
        }
    }

    fn record(&self, page: Page) {
        {
            let received = &self.run.received[self.index];
            let mut newest = received.lock().expect("nobody panics with it");
            for event in &page.events {
                if let What::Message { seq, .. } | What::Notice { seq } = event.what {
                    let newest = newest.entry(event.conversation.clone()).or_default();
                    *newest = seq.max(*newest);
                }
            }
        }
        self.run.history().pages.push(page);
    }
}
