//! What people change besides sending: their own messages, and who is in a conversation.

use std::time::Duration;

use super::Moment;

/// A change that somebody made to a message of their own.
#[derive(Debug)]
pub struct Edit {
    /// Its id.
    pub message: String,
    pub conversation: String,
    pub instance: usize,
    pub invoked: Moment,
    /// What it says from then on; none when it was deleted.
    pub text: Option<String>,
    pub done: Done,
}

/// Somebody's joining or leaving, by whomever.
#[derive(Debug)]
pub struct Move {
    pub conversation: String,
    pub user: String,
    pub joins: bool,
    pub instance: usize,
    pub invoked: Moment,
    pub done: Done,
}

/// What became of a write that gives nothing back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Done {
    Acked {
        at: Moment,
        /// Of the try that was answered.
        took: Duration,
    },
    /// Refused for good: it has changed nothing.
    Failed,
    /// An error, or no answer: it may be done or not. Nothing more is asked of the same thing.
    Ambiguous,
}
