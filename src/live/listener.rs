//! Hears the other instances, on one connection of its own, direct to Postgres. What it hears is "look", never "what":
//! the tail reads the log. It notifies itself every few seconds, because a LISTEN can be deaf without an error
//! (a half-open socket, a pooler in between). On the channel of what is kept nowhere, a word is the whole message.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Live, notifier};
use crate::error::Result;
use crate::store::{connect_options, ephemeral, log};

const TEST_EVERY: Duration = Duration::from_secs(5);
const HEARD_WITHIN: Duration = Duration::from_secs(2);
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// Starts the listener and the notifier. `committed` rings after each commit of this instance.
pub(super) fn start(
    live: Arc<Live>,
    url: String,
    listen_url: String,
    mut committed: mpsc::Receiver<()>,
) {
    let (say, words) = mpsc::channel::<String>(2);
    let me = format!("{:016x}", rand::random::<u64>());
    tokio::spawn(notifier::run(url, words));
    let commit = me.clone();
    let tell = say.clone();
    tokio::spawn(async move {
        while committed.recv().await.is_some() {
            if tell.send(commit.clone()).await.is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        let mut deaf = 0;
        loop {
            let error = match listen(&live, &listen_url, &me, &say, &mut deaf).await {
                Ok(()) => "not heard by itself in time, or closed".to_owned(),
                Err(error) => error.to_string(),
            };
            deaf += 1;
            // Once may be chance; twice is a state, and `/readyz` says so.
            live.listening
                .store(deaf < 2 && live.is_listening(), Ordering::Relaxed);
            metrics::counter!("causerie_listener_reconnects_total").increment(1);
            tracing::warn!(error, "the listener is set up again");
            tokio::time::sleep(Duration::from_millis(
                rand::random_range(50..500) * u64::from(deaf.min(4)),
            ))
            .await;
        }
    });
}

/// One connection's life. Ends when it is lost, or does not hear its own test.
async fn listen(
    live: &Live,
    url: &str,
    me: &str,
    say: &mpsc::Sender<String>,
    deaf: &mut u32,
) -> Result<()> {
    let options = connect_options(url)?.application_name("causerie-listener");
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECT_WITHIN)
        .connect_lazy_with(options);
    let mut listener = timeout(CONNECT_WITHIN, PgListener::connect_with(&pool))
        .await
        .map_err(|_| sqlx::Error::PoolTimedOut)??;
    let channels = [log::CHANNEL, ephemeral::CHANNEL];
    timeout(CONNECT_WITHIN, listener.listen_all(channels))
        .await
        .map_err(|_| sqlx::Error::PoolTimedOut)??;
    // Whatever was said while nobody listened is in the log: look before waiting.
    live.poke.notify_one();
    let test = format!("{me}:{:08x}", rand::random::<u32>());
    let mut test_at = Instant::now();
    let mut deadline: Option<Instant> = None;
    loop {
        tokio::select! {
            heard = listener.try_recv() => match heard? {
                None => return Ok(()),
                Some(word) if word.channel() == ephemeral::CHANNEL => live.hear(word.payload()),
                Some(word) if word.payload() == test => {
                    deadline = None;
                    *deaf = 0;
                    live.listening.store(true, Ordering::Relaxed);
                }
                // One's own commits were handed to the tail.
                Some(word) if word.payload().starts_with(me) => {}
                Some(_) => live.poke.notify_one(),
            },
            () = sleep_until(deadline.unwrap_or(test_at)) => {
                if deadline.is_some() {
                    return Ok(());
                }
                test_at = Instant::now() + TEST_EVERY;
                deadline = Some(Instant::now() + HEARD_WITHIN);
                // Full means that the notifier itself is stuck: then the deadline tells.
                let _ = say.try_send(test.clone());
            }
        }
    }
}
