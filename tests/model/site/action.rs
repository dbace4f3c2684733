//! Something that somebody asks of the service.

use super::notifications::Step;
use super::world::By;

/// What is asked of the service. People, conversations and messages by their place in the world.
#[derive(Debug, Clone)]
pub enum Action {
    Create(Create),
    Send {
        by: By,
        conversation: usize,
        text: String,
        reply_to: Option<usize>,
        key: Option<String>,
    },
    Edit {
        by: By,
        message: usize,
        text: String,
    },
    Erase {
        by: By,
        message: usize,
    },
    Read {
        by: By,
        conversation: usize,
        up_to: Option<i64>,
    },
    ReadMessage {
        by: By,
        message: usize,
    },
    Put {
        by: By,
        conversation: usize,
        archived: bool,
    },
    Alter {
        by: By,
        conversation: usize,
        subject: Option<Option<String>>,
        metadata: Option<u16>,
        closed: Option<bool>,
    },
    Discard {
        by: By,
        conversation: usize,
    },
    Add {
        by: By,
        conversation: usize,
        people: Vec<(usize, bool)>,
    },
    Role {
        by: By,
        conversation: usize,
        person: usize,
        is_admin: bool,
    },
    Remove {
        by: By,
        conversation: usize,
        person: usize,
    },
    Choose {
        person: usize,
        off: bool,
    },
    Name {
        person: usize,
        name: String,
    },
    Notification {
        by: By,
        step: Step,
    },
    Look {
        by: By,
        at: View,
    },
}

#[derive(Debug, Clone, Default)]
pub struct Create {
    pub by: Option<usize>,
    pub is_group: bool,
    /// Those who are named, ADMIN or not.
    pub people: Vec<(usize, bool)>,
    pub context: Option<u16>,
    pub is_unique: bool,
    pub key: Option<u16>,
    pub subject: Option<String>,
    pub organization: Option<&'static str>,
    /// Of a person `firstMessage`, of the backend `systemMessage`.
    pub message: Option<String>,
}

/// What is looked at.
#[derive(Debug, Clone, Copy)]
pub enum View {
    Conversation(usize),
    Members(usize),
    Messages(usize),
    Message(usize),
    Receipts(usize),
    Revisions(usize),
}
