//! A stream, read frame by frame as an EventSource reads it.

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use crate::support::PATIENCE;

/// One event of the stream. `data` is JSON, or null.
#[derive(Debug, Clone)]
pub struct Frame {
    pub id: Option<String>,
    pub event: String,
    pub data: Value,
}

pub struct Listener {
    response: Response,
    bytes: Vec<u8>,
}

impl Listener {
    /// Opens it; the test ends when the service refuses.
    pub async fn open(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the service answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            bytes: Vec::new(),
        }
    }

    /// The next frame, or none when the stream has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(end) = self.bytes.windows(2).position(|pair| pair == b"\n\n") {
                let text: Vec<u8> = self.bytes.drain(..end + 2).collect();
                return Some(parse(&String::from_utf8(text).expect("UTF-8")));
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk())
                .await
                .expect("the stream says something");
            self.bytes.extend_from_slice(&chunk.ok()??);
        }
    }

    /// The next frame of this kind; others before it are passed over.
    pub async fn until(&mut self, event: &str) -> Frame {
        let mut passed = Vec::new();
        while let Some(frame) = self.next().await {
            if frame.event == event {
                return frame;
            }
            passed.push(frame);
        }
        panic!("the stream ended before {event}: {passed:?}")
    }
}

fn parse(text: &str) -> Frame {
    let field = |name: &str| {
        let lines = text
            .lines()
            .filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        lines.map(str::to_owned).next_back()
    };
    Frame {
        id: field("id"),
        event: field("event").unwrap_or_default(),
        data: field("data")
            .and_then(|data| serde_json::from_str(&data).ok())
            .unwrap_or_default(),
    }
}
