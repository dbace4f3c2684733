//! What a run came to, in numbers.

use std::fmt;

/// What a run came to.
#[derive(Debug, Clone, Copy, Default)]
pub struct Figures {
    pub operations: usize,
    pub refused: usize,
    pub requests: usize,
    pub events: usize,
    pub conversations: usize,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.operations += other.operations;
        self.refused += other.refused;
        self.requests += other.requests;
        self.events += other.events;
        self.conversations += other.conversations;
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} operations ({} to be refused) in {} conversations, {} requests, {} events compared",
            self.operations, self.refused, self.conversations, self.requests, self.events
        )
    }
}
