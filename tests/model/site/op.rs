//! Random operations, as proptest draws and shrinks them. An operation is three numbers and what they are for: whom and
//! what it is about is found in the world as it is when its turn comes, so that any part of a sequence is a sequence.

use proptest::prelude::*;
use proptest::strategy::{NewTree, Union, ValueTree};
use proptest::test_runner::TestRunner;

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Private,
    Group,
    Keyed,
    Unique,
    Send,
    Reply,
    SendAgain,
    Edit,
    EditBack,
    Erase,
    Read,
    ReadMessage,
    Archive,
    Unarchive,
    Close,
    Reopen,
    Rename,
    Describe,
    Discard,
    Add,
    AddStranger,
    Promote,
    Demote,
    Remove,
    Leave,
    Choose,
    Name,
    Tell,
    ReadNotification,
    ReadAllNotifications,
    DeleteNotification,
    Look,
}

/// By whom, where, and a number for whatever else is to be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Op {
    pub what: What,
    pub by: u8,
    pub at: u16,
    pub with: u16,
}

/// How often each, of about a hundred.
const OFTEN: &[(u32, What)] = &[
    (4, What::Private),
    (3, What::Group),
    (1, What::Keyed),
    (1, What::Unique),
    (24, What::Send),
    (7, What::Reply),
    (2, What::SendAgain),
    (7, What::Edit),
    (1, What::EditBack),
    (5, What::Erase),
    (9, What::Read),
    (2, What::ReadMessage),
    (3, What::Archive),
    (2, What::Unarchive),
    (1, What::Close),
    (2, What::Reopen),
    (2, What::Rename),
    (1, What::Describe),
    (2, What::Discard),
    (6, What::Add),
    (1, What::AddStranger),
    (2, What::Promote),
    (1, What::Demote),
    (2, What::Remove),
    (3, What::Leave),
    (1, What::Choose),
    (1, What::Name),
    (4, What::Tell),
    (2, What::ReadNotification),
    (1, What::ReadAllNotifications),
    (2, What::DeleteNotification),
    (6, What::Look),
];

fn op() -> impl Strategy<Value = Op> {
    let what = Union::new_weighted(OFTEN.iter().map(|(n, what)| (*n, Just(*what))).collect());
    let numbers = (any::<u8>(), any::<u16>(), any::<u16>());
    (what, numbers).prop_map(|(what, (by, at, with))| Op { what, by, at, with })
}

/// So many operations. They shrink by leaving stretches out, the longest first: each try is a whole run, so there are few.
#[derive(Debug)]
pub struct Sequence(pub usize);

impl Strategy for Sequence {
    type Tree = Stretches;
    type Value = Vec<Op>;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let all = proptest::collection::vec(op(), self.0).new_tree(runner)?;
        let ops = all.current();
        Ok(Stretches {
            stretch: ops.len().div_ceil(2),
            at: ops.len() / 2,
            ops,
            left_out: None,
        })
    }
}

/// What is left of a sequence, and the stretch that is left out to see whether it fails without it.
pub struct Stretches {
    ops: Vec<Op>,
    stretch: usize,
    /// Where the stretch begins that is left out next: from the end to the front.
    at: usize,
    left_out: Option<(usize, Vec<Op>)>,
}

impl Stretches {
    /// The next place, or the next size when the front has been reached.
    fn go_on(&mut self) -> bool {
        if self.at > 0 {
            self.at = self.at.saturating_sub(self.stretch);
            return true;
        }
        self.stretch /= 2;
        self.at = self.ops.len().saturating_sub(self.stretch);
        self.stretch > 0
    }
}

impl ValueTree for Stretches {
    type Value = Vec<Op>;

    fn current(&self) -> Vec<Op> {
        self.ops.clone()
    }

    fn simplify(&mut self) -> bool {
        if self.left_out.take().is_some() && !self.go_on() {
            return false;
        }
        if self.ops.is_empty() || self.stretch == 0 {
            return false;
        }
        let end = (self.at + self.stretch).min(self.ops.len());
        let gone = self.ops.drain(self.at.min(end)..end).collect();
        self.left_out = Some((self.at, gone));
        true
    }

    fn complicate(&mut self) -> bool {
        let Some((at, ops)) = self.left_out.take() else {
            return false;
        };
        self.ops.splice(at..at, ops);
        self.go_on() && self.simplify()
    }
}
