//! One stream, one long answer: what arrives of them, and when.

use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde_json::Value;

/// Given up after it should have ended: a cut connection is not always told.
const PATIENCE: Duration = Duration::from_secs(10);

/// What arrived of a stream.
#[derive(Default)]
pub struct Stream {
    /// When the first word came; none if none did.
    pub first: Option<Duration>,
    /// The most that anything came later than it was sent.
    pub late: Duration,
    /// When it ended, if that was too early.
    pub cut: Option<Duration>,
    /// What was answered instead of a stream.
    pub refused: Option<String>,
    pub encoding: Option<String>,
}

/// What became of a long answer.
pub enum Wait {
    Answered(Duration),
    Refused(String),
    /// Neither, after this time.
    Cut(Duration),
}

pub async fn stream(client: &Client, url: &str, seconds: u64, every: u64) -> Stream {
    let mut seen = Stream::default();
    let began = Instant::now();
    let path = format!("{url}/v1/diagnostics/stream?seconds={seconds}&every={every}");
    let request = client.get(path).header("Accept", "text/event-stream");
    let read = async {
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return seen.refused = Some(super::cause(&error)),
        };
        if let Some(refused) = refusal(&response) {
            return seen.refused = Some(refused);
        }
        let encoding = response.headers().get("content-encoding");
        seen.encoding = encoding.and_then(|it| it.to_str().ok()).map(str::to_owned);
        let mut text = String::new();
        while let Ok(Some(bytes)) = response.chunk().await {
            text.push_str(&String::from_utf8_lossy(&bytes));
            while let Some((frame, rest)) = text.split_once("\n\n") {
                let at = began.elapsed();
                seen.first.get_or_insert(at);
                if frame.starts_with("event: end") {
                    return;
                }
                seen.late = seen.late.max(at.saturating_sub(sent_at(frame)));
                text = rest.to_owned();
            }
        }
        seen.cut = Some(began.elapsed());
    };
    let limit = Duration::from_secs(seconds) + PATIENCE;
    if tokio::time::timeout(limit, read).await.is_err() {
        seen.cut = Some(began.elapsed());
    }
    seen
}

/// When a frame was sent, since the stream began.
fn sent_at(frame: &str) -> Duration {
    let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
    let told: Option<Value> = data.and_then(|data| serde_json::from_str(data).ok());
    Duration::from_millis(told.and_then(|told| told["ms"].as_u64()).unwrap_or(0))
}

pub async fn wait(client: &Client, url: &str, seconds: u64) -> Wait {
    let began = Instant::now();
    let limit = Duration::from_secs(seconds) + PATIENCE;
    let request = client.get(format!("{url}/v1/diagnostics/wait?seconds={seconds}"));
    match request.timeout(limit).send().await {
        Ok(response) => match refusal(&response) {
            // A gateway's own time-out is an answer too.
            Some(_) if response.status().as_u16() == 504 => Wait::Cut(began.elapsed()),
            Some(refused) => Wait::Refused(refused),
            None => Wait::Answered(began.elapsed()),
        },
        Err(_) => Wait::Cut(began.elapsed()),
    }
}

fn refusal(response: &Response) -> Option<String> {
    let status = response.status();
    (!status.is_success()).then(|| format!("is answered with {status}"))
}
