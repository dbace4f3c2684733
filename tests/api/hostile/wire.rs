//! HTTP as bytes: what no client library would send, and what really comes back.

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::PATIENCE;

/// One request of the corpus.
pub struct Case {
    pub what: String,
    pub bytes: Vec<u8>,
    /// Whether it is HTTP at all: then it gets a whole answer.
    pub is_http: bool,
}

/// What came back.
pub struct Reply {
    /// None where nothing came, or no HTTP.
    pub status: Option<u16>,
    pub head: String,
    pub body: Vec<u8>,
    pub was_reset: bool,
}

impl Case {
    /// A request of which the head is given, without its length.
    pub fn new(what: impl Into<String>, head: &str, body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut bytes = format!("{head}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(body);
        Self::raw(what, bytes)
    }

    pub fn raw(what: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            what: what.into(),
            bytes: bytes.into(),
            is_http: true,
        }
    }

    /// Not what HTTP allows: it may be cut off.
    pub fn broken(self) -> Self {
        Self {
            is_http: false,
            ..self
        }
    }

    /// Sends it all, ends the sending, and reads to the end; of a stream, the beginning.
    pub async fn send(&self, address: &str) -> Reply {
        let stream = TcpStream::connect(address).await.expect("it accepts");
        let (mut from, mut to) = stream.into_split();
        let mut read = Vec::new();
        let mut was_reset = false;
        let write = async {
            // It may answer, and be gone, before it has heard all.
            let written = to.write_all(&self.bytes).await;
            if !self.is_http {
                to.shutdown().await.ok();
            }
            written.err()
        };
        let hear = async {
            let mut buffer = [0; 16 * 1024];
            loop {
                match timeout(PATIENCE, from.read(&mut buffer)).await {
                    Ok(Ok(0)) => return,
                    Ok(Ok(n)) => read.extend_from_slice(&buffer[..n]),
                    Ok(Err(error)) => {
                        was_reset = error.kind() == ErrorKind::ConnectionReset;
                        return;
                    }
                    Err(_) => panic!("{}: it says nothing", self.what),
                }
                let is_stream = contains(&read, b"text/event-stream");
                if is_stream && contains(&read, b"event: ") {
                    return;
                }
            }
        };
        let (_, ()) = tokio::join!(write, hear);
        let (head, body) = match read.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) => (read[..end].to_vec(), read[end + 4..].to_vec()),
            None => (read, Vec::new()),
        };
        let head = String::from_utf8_lossy(&head).into_owned();
        let status = head
            .strip_prefix("HTTP/1.1 ")
            .or(head.strip_prefix("HTTP/1.0 "));
        Reply {
            status: status.and_then(|rest| rest.get(..3)?.parse().ok()),
            head: head.to_lowercase(),
            body,
            was_reset,
        }
    }
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}
