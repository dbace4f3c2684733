//! An event as a follower was given it.

use std::hash::{DefaultHasher, Hash, Hasher};

use causerie::model::Cursor;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub position: i64,
    pub conversation: String,
    pub what: What,
    /// Of its bytes. None where the content may change between two reads: a conversation shows its newest message.
    pub fingerprint: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Created,
    Message {
        key: String,
        id: String,
        seq: i64,
        sender: String,
    },
    Read {
        reader: String,
        up_to: i64,
    },
    /// For the other one of two alone.
    Delivered {
        by: String,
    },
    Other(String),
}

impl Seen {
    /// Reads one event of a page, or the `data:` of a frame.
    pub fn parse(json: &str) -> Self {
        let event: Value = serde_json::from_str(json).expect("an event is JSON");
        let text = |pointer: &str| {
            let value = event.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_i64).unwrap_or(-1);
        let what = match event["type"].as_str() {
            Some("conversation.created") => What::Created,
            Some("message.created") => What::Message {
                key: text("/data/message/clientMessageId"),
                id: text("/data/message/id"),
                seq: number("/data/message/seq"),
                sender: text("/data/message/sender/id"),
            },
            Some("receipt.read") => What::Read {
                reader: text("/data/receipt/userId"),
                up_to: number("/data/receipt/readUpTo"),
            },
            Some("receipt.delivered") => What::Delivered {
                by: text("/data/receipt/userId"),
            },
            other => What::Other(other.unwrap_or_default().to_owned()),
        };
        let changes = matches!(what, What::Created | What::Other(_));
        Self {
            position: position(&text("/cursor")),
            conversation: text("/conversationId"),
            what,
            fingerprint: (!changes).then(|| fingerprint(json)),
        }
    }
}

/// The place that a cursor stands for. Clients do not look inside; a checker must.
pub fn position(cursor: &str) -> i64 {
    let cursor: Cursor = cursor.parse().expect("a cursor of this service");
    cursor.position
}

fn fingerprint(json: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    hasher.finish()
}
