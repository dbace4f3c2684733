//! Streams that are read as they come. A message is known by one character of its text that nothing else holds, so that
//! counting them costs the client next to nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use hyper::body::{Bytes, Incoming};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::client::{Ask, Connection};

/// Stands once in each message that is counted.
pub const MARK: char = '~';

/// The next bytes of a stream; a stream that ends ends the benchmark.
pub async fn next(body: &mut Incoming) -> Bytes {
    let frame = body.frame().await.expect("an endless stream");
    let frame = frame.expect("a connection that lasts");
    frame.into_data().unwrap_or_default()
}

pub fn marks(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == MARK as u8).count()
}

/// Many streams, and what all of them together have received.
pub struct Readers {
    received: Arc<AtomicUsize>,
    arrived: Arc<Notify>,
    _streams: JoinSet<()>,
}

impl Readers {
    /// Opens them all, and waits until each has been greeted.
    pub async fn open(url: &str, asks: Vec<Ask>) -> Self {
        let received = Arc::new(AtomicUsize::new(0));
        let arrived = Arc::new(Notify::new());
        let mut streams = JoinSet::new();
        for ask in asks {
            let mut connection = Connection::open(url).await;
            let mut body = connection.start(&ask).await.into_body();
            next(&mut body).await;
            let (received, arrived) = (received.clone(), arrived.clone());
            streams.spawn(async move {
                // Held, for its stream ends with it.
                let _connection = connection;
                loop {
                    let found = marks(&next(&mut body).await);
                    if found > 0 {
                        received.fetch_add(found, Ordering::Relaxed);
                        arrived.notify_one();
                    }
                }
            });
        }
        Self {
            received,
            arrived,
            _streams: streams,
        }
    }

    pub fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }

    /// Waits until they have received so many.
    pub async fn until(&self, wanted: usize) {
        while self.received() < wanted {
            self.arrived.notified().await;
        }
        assert_eq!(self.received(), wanted, "nothing comes twice");
    }
}
