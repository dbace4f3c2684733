//! A client of the stream that is strict about how frames look, and reads only when it is told to.

use reqwest::{Method, Response};
use serde_json::Value;

use crate::support::{PATIENCE, Person};

/// What stands between two blank lines.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: Option<String>,
    pub event: String,
    pub data: Value,
}

/// An open stream.
pub struct Sse {
    pub response: Response,
    /// Of the first frame.
    pub retry: Option<u64>,
    unread: Vec<u8>,
    /// How much of `unread` holds no end of a frame.
    searched: usize,
}

impl Sse {
    /// `query` with its question mark, or nothing.
    pub async fn open(person: &Person, query: &str) -> Self {
        let path = format!("/v1/events/stream{query}");
        let answer = person.request(Method::GET, &path).send().await;
        Self::of(answer.expect("the service answers"))
    }

    /// Opened by a request of one's own.
    #[track_caller]
    pub fn of(response: Response) -> Self {
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            retry: None,
            unread: Vec::new(),
            searched: 0,
        }
    }

    /// The next frame, or none when the service ended the stream.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            let fresh = &self.unread[self.searched..];
            if let Some(end) = fresh.windows(2).position(|two| two == b"\n\n") {
                let end = std::mem::take(&mut self.searched) + end;
                let rest = self.unread.split_off(end + 2);
                let block = std::mem::replace(&mut self.unread, rest);
                return Some(self.parse(std::str::from_utf8(&block[..end]).expect("UTF-8")));
            }
            self.searched = self.unread.len().saturating_sub(1);
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("a stream is never silent for so long")
                .expect("a stream ends whole");
            let Some(chunk) = chunk else {
                assert!(self.unread.is_empty(), "it ended inside a frame");
                return None;
            };
            self.unread.extend_from_slice(&chunk);
        }
    }

    /// One field a line, each at most once, and always an event with JSON in one line of data.
    fn parse(&mut self, block: &str) -> Frame {
        let (mut id, mut event, mut data) = (None, None, None);
        for line in block.split('\n') {
            let (field, value) = line
                .split_once(": ")
                .unwrap_or_else(|| panic!("{line:?} in {block:?}"));
            let earlier = match field {
                "retry" => self
                    .retry
                    .replace(value.parse().expect("milliseconds"))
                    .map(drop),
                "id" => id.replace(value.to_owned()).map(drop),
                "event" => event.replace(value.to_owned()).map(drop),
                "data" => data
                    .replace(serde_json::from_str(value).expect("JSON"))
                    .map(drop),
                _ => panic!("{line:?} in {block:?}"),
            };
            assert!(earlier.is_none(), "{field} twice in {block:?}");
        }
        Frame {
            id,
            event: event.unwrap_or_else(|| panic!("no event in {block:?}")),
            data: data.unwrap_or_else(|| panic!("no data in {block:?}")),
        }
    }

    /// The next frame of this event; those before it are left out.
    pub async fn until(&mut self, event: &str) -> Frame {
        loop {
            let frame = self.next().await;
            let frame = frame.unwrap_or_else(|| panic!("the stream ended before {event:?}"));
            if frame.event == event {
                return frame;
            }
        }
    }

    /// Everything up to the end that the service makes.
    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// The next `n` durable events.
    pub async fn events(&mut self, n: usize) -> Vec<Frame> {
        let mut events = Vec::new();
        while events.len() < n {
            let frame = self.next().await.expect("the stream goes on");
            if frame.event.contains('.') {
                events.push(frame);
            }
        }
        events
    }
}
