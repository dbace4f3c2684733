//! Tells the other instances who types and who is there, a few times a second, from a connection of its own: what is
//! durable must not wait behind this. What is too much for it is dropped; typing ends by itself, and presence is read.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio::sync::mpsc;

use super::notifier::connect;
use super::typing::TypingWord;
use crate::error::Result;
use crate::model::UserKey;
use crate::store::presence::Seen;
use crate::store::{bounded, ephemeral};

/// Words that wait to be said; what comes on top is dropped.
pub(super) const WAITING: usize = 4_096;
/// Said in one go, at most.
const TOGETHER: usize = 1_024;
const PAUSE: Duration = Duration::from_millis(200);
/// Postgres takes less than 8,000 bytes a payload.
const MOST_BYTES: usize = 7_900;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Word {
    Typing(TypingWord),
    Presence(PresenceWord),
}

/// `Seen`, as it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PresenceWord {
    tenant: String,
    user: String,
    left_ms: i64,
    last_seen_at: Option<DateTime<Utc>>,
    changed_at: Option<DateTime<Utc>>,
}

impl From<&Seen> for PresenceWord {
    fn from(seen: &Seen) -> Self {
        Self {
            tenant: seen.key.tenant.to_string(),
            user: seen.key.id.to_string(),
            left_ms: seen.left_ms,
            last_seen_at: seen.last_seen_at,
            changed_at: seen.changed_at,
        }
    }
}

impl From<PresenceWord> for Seen {
    fn from(word: PresenceWord) -> Self {
        Self {
            key: UserKey::new(&word.tenant, &word.user),
            left_ms: word.left_ms,
            last_seen_at: word.last_seen_at,
            changed_at: word.changed_at,
        }
    }
}

/// One NOTIFY.
#[derive(Deserialize)]
pub(super) struct Payload {
    /// The instance that says it.
    pub(super) from: String,
    pub(super) words: Vec<Word>,
}

/// Says what comes, for as long as the process lives: the first word at once, what follows it within `PAUSE` together.
pub(super) async fn run(url: String, from: String, mut words: mpsc::Receiver<Word>) {
    let (mut connection, mut some) = (None, Vec::new());
    while words.recv_many(&mut some, TOGETHER).await > 0 {
        let (payloads, dropped) = pack(&from, &some);
        some.clear();
        drop_words(dropped);
        if let Err(error) = say(&url, &mut connection, payloads).await {
            connection = None;
            tracing::warn!(%error, "who types and who is there was not told to the other instances");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Counts what is not told.
pub(super) fn drop_words(number: u64) {
    metrics::counter!("causerie_ephemeral_dropped_total").increment(number);
}

async fn say(
    url: &str,
    connection: &mut Option<PgConnection>,
    payloads: Vec<String>,
) -> Result<()> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => connect(url, "causerie-speaker").await?,
    };
    bounded(ephemeral::tell(&mut open, payloads)).await?;
    *connection = Some(open);
    Ok(())
}

/// As few payloads as hold the words, and how many words fit none.
fn pack(from: &str, words: &[Word]) -> (Vec<String>, u64) {
    let front = format!("{{\"from\":\"{from}\",\"words\":[");
    let (mut payloads, mut dropped) = (Vec::new(), 0);
    let mut text = front.clone();
    for word in words {
        // Texts, numbers and times: nothing here can fail to serialise.
        let json = serde_json::to_string(word).unwrap_or_default();
        if front.len() + json.len() + 2 > MOST_BYTES {
            dropped += 1;
            continue;
        }
        if text.len() + json.len() + 3 > MOST_BYTES {
            payloads.push(std::mem::replace(&mut text, front.clone()) + "]}");
        }
        if text.len() > front.len() {
            text.push(',');
        }
        text.push_str(&json);
    }
    if text.len() > front.len() {
        payloads.push(text + "]}");
    }
    (payloads, dropped)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(id: &str) -> Word {
        Word::Presence(PresenceWord {
            tenant: "t".to_owned(),
            user: id.to_owned(),
            left_ms: 75_000,
            last_seen_at: Some(Utc::now()),
            changed_at: Some(Utc::now()),
        })
    }

    #[test]
    fn ten_thousand_words_fit_payloads_that_postgres_takes_and_none_is_lost() {
        let words: Vec<_> = (0..10_000).map(|n| word(&n.to_string())).collect();
        let (payloads, dropped) = pack("me", &words);
        assert_eq!(dropped, 0);
        assert!(payloads.len() < 250, "{}", payloads.len());
        let mut ids = Vec::new();
        for payload in payloads {
            assert!(payload.len() < 8_000);
            let read: Payload = serde_json::from_str(&payload).expect("JSON");
            assert_eq!(read.from, "me");
            for word in read.words {
                let Word::Presence(word) = word else {
                    panic!("{word:?}")
                };
                ids.push(word.user);
            }
        }
        let all: Vec<_> = (0..10_000).map(|n| n.to_string()).collect();
        assert_eq!(ids, all);
    }

    #[test]
    fn a_word_that_fits_no_payload_is_counted_and_holds_up_no_other() {
        let (payloads, dropped) = pack("me", &[word("a"), word(&"x".repeat(8_000)), word("b")]);
        assert_eq!((payloads.len(), dropped), (1, 1));
        assert_eq!(pack("me", &[]).0.len(), 0);
    }
}
