//! One stream, one long answer, one address: what arrives of them, and when.

use std::fmt;
use std::io::Error;
use std::time::{Duration, Instant};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder};
use futures::TryStreamExt;
use reqwest::{Client, Response};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::StreamReader;

/// Given up after it should have ended: a cut connection is not always told.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that an answer takes which waits for nothing.
pub const AT_ONCE: Duration = Duration::from_secs(15);
/// What a browser understands, of what can be read here: some proxies compress for whoever does, and hold back then.
const ENCODINGS: &str = "gzip, br";
/// The longest that a full house is waited for.
const LONGEST_RETRY: u64 = 10;
const PROBLEM: &str = "application/problem+json";

/// What came instead of what was asked for.
#[derive(Debug)]
pub enum Refusal {
    /// The service itself says that it has no seat for another look.
    Full,
    /// Somebody's answer, in words.
    Answer(String),
    /// None, and why.
    Broken(String),
    /// None in time.
    Late,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("has no seat free"),
            Self::Answer(answer) => write!(f, "is answered with {answer}"),
            Self::Broken(why) => write!(f, "breaks off: {why}"),
            Self::Late => f.write_str("is not answered"),
        }
    }
}

/// What arrived of a stream.
#[derive(Debug, Default)]
pub struct Stream {
    pub refused: Option<Refusal>,
    /// When the first word came, its hello; none if none did.
    pub first: Option<Duration>,
    /// When the next one came, as a heartbeat would.
    pub second: Option<Duration>,
    /// The most that anything came later than it was sent.
    pub late: Duration,
    /// When it ended, if that was too early.
    pub cut: Option<Duration>,
    pub encoding: Option<String>,
}

/// What became of a long answer, and when.
#[derive(Debug)]
pub enum Wait {
    Answered(Duration),
    Refused(Refusal, Duration),
}

/// Whether an address of the API can be asked at all: without a token the service says 401, in its own words.
pub async fn gate(client: &Client, url: &str, path: &str) -> Result<(), Refusal> {
    let request = client.get(format!("{url}{path}")).timeout(AT_ONCE);
    let request = request.header("Accept-Encoding", ENCODINGS);
    let response = request.send().await.map_err(|error| failure(&error))?;
    let is_ours = response.status() == 401 && is_of(&response, PROBLEM);
    is_ours.then_some(()).ok_or_else(|| answer(&response))
}

pub async fn stream(client: &Client, url: &str, seconds: u64, every: u64) -> Stream {
    let path = format!("{url}/v1/diagnostics/stream?seconds={seconds}&every={every}");
    let limit = Duration::from_secs(seconds) + PATIENCE;
    let (asked, began) = ask(client, &path, "text/event-stream", limit).await;
    let mut seen = Stream::default();
    match asked {
        Err(refused) => seen.refused = Some(refused),
        Ok(response) => {
            let encoding = header(&response, "content-encoding");
            seen.encoding = (!encoding.is_empty()).then(|| encoding.to_owned());
            if !follow(&mut seen, body(response), began).await {
                seen.cut = Some(began.elapsed());
            }
        }
    }
    seen
}

/// Notes what arrives of it, and when. Gives whether it came to its end.
async fn follow(seen: &mut Stream, mut body: impl AsyncRead + Unpin, began: Instant) -> bool {
    let (mut text, mut bytes) = (String::new(), [0; 4096]);
    while let Ok(read @ 1..) = body.read(&mut bytes).await {
        text.push_str(&String::from_utf8_lossy(&bytes[..read]));
        while let Some((frame, rest)) = text.split_once("\n\n") {
            let at = began.elapsed();
            if frame.starts_with("event: end") {
                return true;
            }
            if seen.first.is_none() {
                seen.first = Some(at);
            } else {
                seen.second.get_or_insert(at);
            }
            seen.late = seen.late.max(at.saturating_sub(sent_at(frame)));
            text = rest.to_owned();
        }
    }
    false
}

/// When a frame was sent, since the stream began.
fn sent_at(frame: &str) -> Duration {
    let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
    let told: Option<Value> = data.and_then(|data| serde_json::from_str(data).ok());
    Duration::from_millis(told.and_then(|told| told["ms"].as_u64()).unwrap_or(0))
}

pub async fn wait(client: &Client, url: &str, seconds: u64) -> Wait {
    let path = format!("{url}/v1/diagnostics/wait?seconds={seconds}");
    let limit = Duration::from_secs(seconds) + PATIENCE;
    let (asked, began) = ask(client, &path, "application/json", limit).await;
    let read = match asked {
        Ok(response) => response.bytes().await.map_err(|error| failure(&error)),
        Err(refused) => Err(refused),
    };
    match read {
        Ok(_) => Wait::Answered(began.elapsed()),
        Err(refused) => Wait::Refused(refused, began.elapsed()),
    }
}

/// Asks as a browser does, once more if there was no seat. Gives when what came was asked for, too.
async fn ask(
    client: &Client,
    path: &str,
    kind: &str,
    limit: Duration,
) -> (Result<Response, Refusal>, Instant) {
    let mut is_again = false;
    loop {
        let began = Instant::now();
        let request = client.get(path).timeout(limit).header("Accept", kind);
        let request = request.header("Accept-Encoding", ENCODINGS);
        let response = match request.send().await {
            Ok(response) if response.status() == 200 && is_of(&response, kind) => Ok(response),
            Ok(response) => match seat_free_after(response).await {
                Ok(after) if !is_again => {
                    is_again = true;
                    tokio::time::sleep(after).await;
                    continue;
                }
                Ok(_) => Err(Refusal::Full),
                Err(answer) => Err(answer),
            },
            Err(error) => Err(failure(&error)),
        };
        return (response, began);
    }
}

/// When to ask again, if it is the service that has no seat; else what the answer was.
async fn seat_free_after(response: Response) -> Result<Duration, Refusal> {
    let answer = answer(&response);
    if response.status() != 503 || !is_of(&response, PROBLEM) {
        return Err(answer);
    }
    let seconds: u64 = header(&response, "retry-after").parse().unwrap_or(1);
    let mut problem = String::new();
    let read = body(response).read_to_string(&mut problem).await;
    if read.is_err() || !problem.contains("\"diagnostics-full\"") {
        return Err(answer);
    }
    Ok(Duration::from_secs(seconds.min(LONGEST_RETRY)))
}

/// What it says, whatever it is packed in.
fn body(response: Response) -> Box<dyn AsyncRead + Send + Unpin> {
    let encoding = header(&response, "content-encoding").to_ascii_lowercase();
    let bytes = StreamReader::new(response.bytes_stream().map_err(Error::other));
    match encoding.as_str() {
        "gzip" => Box::new(GzipDecoder::new(bytes)),
        "br" => Box::new(BrotliDecoder::new(bytes)),
        _ => Box::new(bytes),
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    let value = response.headers().get(name);
    value.and_then(|it| it.to_str().ok()).unwrap_or_default()
}

fn is_of(response: &Response, kind: &str) -> bool {
    header(response, "content-type").starts_with(kind)
}

fn answer(response: &Response) -> Refusal {
    let kind = header(response, "content-type");
    let kind = kind.split(';').next().filter(|kind| !kind.is_empty());
    let of = kind.map(|kind| format!(", {kind}")).unwrap_or_default();
    Refusal::Answer(format!("{}{of}", response.status()))
}

fn failure(error: &reqwest::Error) -> Refusal {
    if error.is_timeout() {
        Refusal::Late
    } else {
        Refusal::Broken(super::cause(error))
    }
}
