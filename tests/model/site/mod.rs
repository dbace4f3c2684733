//! A site: random operations of its people, carried out on the service and on a small model beside it. Everything that
//! the service says is held against the model, and against what it says elsewhere.

mod action;
mod apply;
mod ask;
mod changes;
mod checks;
mod choice;
mod create;
mod device;
mod end;
mod feed;
mod figures;
mod held;
mod host;
mod judge;
mod notifications;
mod op;
mod perform;
mod pick;
mod receipts;
mod run;
mod snapshot;
mod view;
mod world;

use std::fmt;

pub use figures::Figures;
pub use op::{Op, Sequence};
pub use run::run;

/// The instance whose memory holds the whole run, and the one that has to read Postgres.
pub const MEMORY: usize = 0;
pub const STORE: usize = 1;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An operation was answered otherwise than the model says.
    Answer,
    /// Somebody was told something that the model's log does not show them, or was not told.
    Feed,
    /// A snapshot is not what the model holds, or not what the snapshot before it and the events since then make.
    Snapshot,
    Unread,
    Receipts,
    /// Pages of another size, or another transport, give other events.
    Pages,
    /// Memory and Postgres give other events.
    Memory,
    /// A text that was edited away or deleted was handed out.
    Text,
}

/// The first thing that was wrong in a run.
#[derive(Debug, Clone)]
pub struct Failure {
    pub kind: Kind,
    pub what: String,
}

impl Failure {
    pub fn new(kind: Kind, what: String) -> Self {
        Self { kind, what }
    }

    pub fn unless(is_right: bool, kind: Kind, what: impl FnOnce() -> String) -> Result<(), Self> {
        if is_right {
            Ok(())
        } else {
            Err(Self::new(kind, what()))
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.what)
    }
}
