//! What happened in a run, as its clients saw it: every operation with its instants, every page and frame received.
//! `check` is a pure function over it; it knows the contract and nothing of the service.

mod changes;
mod delays;
#[cfg(test)]
mod example;
mod followers;
mod known;
#[cfg(test)]
mod lively;
mod members;
mod messages;
mod seen;
#[cfg(test)]
mod tests;
mod texts;
mod unread;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use changes::{Done, Edit, Move};
pub use seen::{Look, Seen, What, position};

/// Since the run began.
pub type Moment = Duration;

/// The longest an event may take, in a quiet phase, to reach a follower that waits for it. Far above what it takes, and
/// far below a wait's own end, which would deliver it too.
pub const BOUND: Duration = Duration::from_secs(4);

/// An answer that took this long was given without waiting for the instance's own tail: the write is stored, but not
/// promised to be readable yet.
const ANSWERED_ANYWAY: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub struct History {
    pub conversations: Vec<Conversation>,
    pub sends: Vec<Send>,
    /// Each message's one after the other.
    pub edits: Vec<Edit>,
    /// Each member's, in each conversation, one after the other.
    pub moves: Vec<Move>,
    pub reads: Vec<Read>,
    pub followers: Vec<Follower>,
    /// In the order in which each follower received them.
    pub pages: Vec<Page>,
    /// Phases in which nobody began anything, from the last answer of a burst to the next burst.
    pub quiet: Vec<(Moment, Moment)>,
    /// What the service said at the end.
    pub unread: Vec<Unread>,
    /// Followers that were told that their cursor is of no use.
    pub refusals: Vec<(usize, String)>,
    /// Answers that were neither a page nor a stored message, by status; 0 = no answer.
    pub other_answers: BTreeMap<u16, usize>,
    /// Those of them that nobody should be given, whatever has happened to the service.
    pub wrong_answers: Vec<String>,
}

/// A conversation whose creation was acknowledged.
#[derive(Debug, Clone)]
pub struct Conversation {
    pub id: String,
    /// Those it was made with. The first made it, and stays.
    pub members: Vec<String>,
    /// Whose members may come and go.
    pub is_group: bool,
}

/// One message that somebody wanted sent, retries with the same client key included.
#[derive(Debug)]
pub struct Send {
    pub key: String,
    pub conversation: String,
    pub sender: String,
    pub text: String,
    pub instance: usize,
    /// The beginning of the first try.
    pub invoked: Moment,
    pub outcome: Outcome,
    /// What sending it again later was answered.
    pub replays: Vec<Stored>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub id: String,
    pub seq: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Acked {
        at: Moment,
        /// Of the try that was answered.
        took: Duration,
        stored: Stored,
    },
    /// Refused for good: it must never be seen.
    Failed,
    /// An error, or no answer: it may be stored or not.
    Ambiguous,
}

/// A read horizon that somebody moved, and where it then stood; none when the answer was an error.
#[derive(Debug)]
pub struct Read {
    pub conversation: String,
    pub reader: String,
    pub read_up_to: Option<i64>,
}

/// One client of one user, with one cursor.
#[derive(Debug)]
pub struct Follower {
    pub name: String,
    pub user: String,
    /// The position it began to follow at, before the first conversation was made.
    pub start: i64,
    /// It always waits, by long-poll or stream, so that what comes late was not its own doing.
    pub waits: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    Poll,
    LongPoll,
    Stream,
}

/// What a follower received in one go: an answer, or a frame of a stream.
#[derive(Debug)]
pub struct Page {
    pub follower: usize,
    pub transport: Transport,
    pub instance: usize,
    /// When a poll was asked; a frame of a stream was not asked for.
    pub asked: Option<Moment>,
    pub at: Moment,
    pub from: i64,
    pub cursor: i64,
    pub has_more: bool,
    /// How much is unread, where it came with it.
    pub unread: Option<Count>,
    pub events: Vec<Seen>,
}

/// What a page said about unread messages.
#[derive(Debug, Default)]
pub struct Count {
    pub total: i64,
    /// The conversations it named.
    pub changed: Vec<String>,
}

/// A user's unread total at the end, asked of one instance.
#[derive(Debug)]
pub struct Unread {
    pub user: String,
    pub instance: usize,
    pub total: i64,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Acknowledged, or seen by another, and not delivered to a follower who is a member.
    Lost,
    /// Delivered, but nobody sent it, it was refused, or the receiver is no member.
    Invented,
    /// A follower got it again, or one client key became two messages.
    Twice,
    /// Positions went back, or not all followers see one order.
    OutOfOrder,
    /// `seq` of a conversation is not 1, 2, 3 …
    NotDense,
    /// Acknowledged before the other began, and yet behind it.
    RealTime,
    /// It took longer than `BOUND` to reach somebody who waited for it.
    Late,
    /// A page or frame does not begin where the last one ended, or ends before it begins.
    CursorRegress,
    /// Not what a recount gives.
    WrongUnread,
    /// A poll on the instance that had acknowledged a message did not have it.
    StaleRead,
    /// The same place in the log, with other content for another follower.
    Differs,
    /// What a message said before a change that its reader must know of.
    OldText,
    /// A good cursor was refused.
    Refused,
    /// A client was answered neither what it asked for nor 503 with `Retry-After`.
    WrongAnswer,
}

#[derive(Debug)]
pub struct Anomaly {
    pub kind: Kind,
    pub what: String,
}

/// What the checker found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub anomalies: Vec<Anomaly>,
}

impl Verdict {
    fn add(&mut self, kind: Kind, what: String) {
        self.anomalies.push(Anomaly { kind, what });
    }

    pub fn counts(&self) -> BTreeMap<Kind, usize> {
        let mut counts = BTreeMap::new();
        for anomaly in &self.anomalies {
            *counts.entry(anomaly.kind).or_default() += 1;
        }
        counts
    }

    pub fn is_good(&self) -> bool {
        self.anomalies.is_empty()
    }
}

/// How often each kind was found, and the first few of each.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut by_kind: BTreeMap<Kind, Vec<&str>> = BTreeMap::new();
        for anomaly in &self.anomalies {
            by_kind.entry(anomaly.kind).or_default().push(&anomaly.what);
        }
        if by_kind.is_empty() {
            return write!(f, "no anomaly");
        }
        for (kind, all) in by_kind {
            writeln!(f, "{kind:?}: {}", all.len())?;
            for what in all.iter().take(5) {
                writeln!(f, "    {what}")?;
            }
        }
        Ok(())
    }
}

impl History {
    /// Judges what happened. Linear, but for sorting.
    pub fn check(&self) -> Verdict {
        let known = known::Known::of(self);
        let mut verdict = Verdict::default();
        messages::check(&known, &mut verdict);
        members::check(&known, &mut verdict);
        texts::check(&known, &mut verdict);
        followers::check(&known, &mut verdict);
        unread::check(&known, &mut verdict);
        for what in &self.wrong_answers {
            verdict.add(Kind::WrongAnswer, what.clone());
        }
        verdict
    }

    /// Notes an answer, 0 = none, that was neither a page nor a stored message.
    pub fn other_answer(&mut self, status: u16, asks_to_retry: bool, asked: &str) {
        *self.other_answers.entry(status).or_default() += 1;
        // 410 is a refusal, judged apart.
        let may_be = matches!(status, 0 | 410) || status == 503 && asks_to_retry;
        if !may_be {
            let what = format!("{asked}: {status}, a time to come back: {asks_to_retry}");
            self.wrong_answers.push(what);
        }
    }

    pub fn messages(&self) -> usize {
        let acked = |send: &&Send| matches!(send.outcome, Outcome::Acked { .. });
        self.sends.iter().filter(acked).count()
    }

    pub fn deliveries(&self) -> usize {
        self.pages.iter().map(|page| page.events.len()).sum()
    }

    /// Everything that was judged: what was asked for, and what was received.
    pub fn operations(&self) -> usize {
        let asked = self.conversations.len() + self.sends.len() + self.reads.len();
        let changes = self.edits.len() + self.moves.len();
        asked + changes + self.pages.len() + self.unread.len()
    }
}
