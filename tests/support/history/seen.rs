//! An event as a follower was given it.

use std::hash::{DefaultHasher, Hash, Hasher};

use causerie::model::Cursor;
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub position: i64,
    pub conversation: String,
    pub what: What,
    /// Of what stays whatever becomes of its content. None where that is nothing to compare: a conversation and a member
    /// show horizons, which move.
    pub fingerprint: Option<u64>,
    /// Of a message's event, how it looked when it was read.
    pub look: Option<Look>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// None of a tombstone.
    pub text: Option<String>,
    /// A fingerprint of all its bytes: the same for everybody who reads the same text.
    pub bytes: u64,
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
    /// What the conversation says of itself. It has a number as messages have, and nobody sent it.
    Notice {
        seq: i64,
    },
    Edited {
        message: String,
    },
    Deleted {
        message: String,
        seq: i64,
    },
    Joined {
        user: String,
    },
    Left {
        user: String,
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
        let mut event: Value = serde_json::from_str(json).expect("an event is JSON");
        let what = what(&event);
        let changes = matches!(
            what,
            What::Created | What::Joined { .. } | What::Left { .. } | What::Other(_)
        );
        let text = |pointer: &str| text(&event, pointer);
        let (position, conversation) = (position(&text("/cursor")), text("/conversationId"));
        let message = event.pointer_mut("/data/message");
        let look = message.map(|message| Look {
            text: take_content(message),
            bytes: fingerprint(json),
        });
        Self {
            position,
            conversation,
            what,
            fingerprint: (!changes).then(|| match &look {
                Some(_) => fingerprint(&event.to_string()),
                None => fingerprint(json),
            }),
            look,
        }
    }

    /// The message that it is about.
    pub fn message(&self) -> Option<&str> {
        match &self.what {
            What::Message { id, .. } => Some(id),
            What::Edited { message } | What::Deleted { message, .. } => Some(message),
            _ => None,
        }
    }

    /// Whether both are one entry of the log, whatever has become of its content in between.
    pub fn is_one_with(&self, other: &Self) -> bool {
        let of = |seen: &'_ Self| (seen.position, seen.fingerprint);
        of(self) == of(other) && self.what == other.what && self.conversation == other.conversation
    }
}

fn text(event: &Value, pointer: &str) -> String {
    let value = event.pointer(pointer).and_then(Value::as_str);
    value.unwrap_or_default().to_owned()
}

fn what(event: &Value) -> What {
    let text = |pointer: &str| text(event, pointer);
    let number = |pointer: &str| event.pointer(pointer).and_then(Value::as_i64).unwrap_or(-1);
    match event["type"].as_str() {
        Some("conversation.created") => What::Created,
        Some("message.created") if event["data"]["message"]["notice"].is_object() => What::Notice {
            seq: number("/data/message/seq"),
        },
        Some("message.created") => What::Message {
            key: text("/data/message/clientMessageId"),
            id: text("/data/message/id"),
            seq: number("/data/message/seq"),
            sender: text("/data/message/sender/id"),
        },
        Some("message.updated") => What::Edited {
            message: text("/data/message/id"),
        },
        Some("message.deleted") => What::Deleted {
            message: text("/data/message/id"),
            seq: number("/data/message/seq"),
        },
        Some("member.joined") => What::Joined {
            user: text("/data/member/user/id"),
        },
        Some("member.left") => What::Left {
            user: text("/data/member/user/id"),
        },
        Some("receipt.read") => What::Read {
            reader: text("/data/receipt/userId"),
            up_to: number("/data/receipt/readUpTo"),
        },
        Some("receipt.delivered") => What::Delivered {
            by: text("/data/receipt/userId"),
        },
        other => What::Other(other.unwrap_or_default().to_owned()),
    }
}

/// Takes out what an edit or a deletion changes, and gives what the message says.
fn take_content(message: &mut Value) -> Option<String> {
    message["editedAt"].take();
    let is_deleted = message["isDeleted"].take() == true;
    let content = message["content"].take();
    // A tombstone that still says something is not one.
    match content {
        Value::String(content) => Some(content),
        _ if is_deleted => None,
        _ => Some("nothing at all".to_owned()),
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
