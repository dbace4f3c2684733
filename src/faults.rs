//! Deliberate defects, one at a time, chosen by `CAUSERIE_FAULT`: what the history checker must be able to catch.
//! Only built with the feature `planted-faults`; never part of a shipped program.

use std::sync::OnceLock;
use std::time::Duration;

use crate::model::{Cursor, Position};

/// The defects that can be planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Positions from a sequence, without the log's lock: numbers are given out before the commits are in order.
    PositionsFromASequence,
    /// A reader registers after it has read: what is pushed in between wakes nobody.
    ReadBeforeRegister,
    /// The next cursor is the log's head although the page was cut by its limit.
    CursorPastThePage,
    /// A feed does not learn of conversations created after it was born.
    FeedMissesNewConversations,
    /// A feed stays in a conversation that its user was removed from.
    FeedIgnoresLeaving,
}

/// The one that is planted in this process.
pub fn planted() -> Option<Fault> {
    static PLANTED: OnceLock<Option<Fault>> = OnceLock::new();
    *PLANTED.get_or_init(|| match std::env::var("CAUSERIE_FAULT").as_deref() {
        Ok("positions-from-a-sequence") => Some(Fault::PositionsFromASequence),
        Ok("read-before-register") => Some(Fault::ReadBeforeRegister),
        Ok("cursor-past-the-page") => Some(Fault::CursorPastThePage),
        Ok("feed-misses-new-conversations") => Some(Fault::FeedMissesNewConversations),
        Ok("feed-ignores-leaving") => Some(Fault::FeedIgnoresLeaving),
        _ => None,
    })
}

pub fn is_planted(fault: Fault) -> bool {
    planted() == Some(fault)
}

/// `CursorPastThePage`: where a page claims to reach.
pub fn past_the_page(place: Option<Cursor>) -> Option<Position> {
    place
        .filter(|_| is_planted(Fault::CursorPastThePage))
        .map(|place| place.position)
}

/// `ReadBeforeRegister`: between the read and the registration there is time for a message to come.
pub async fn dawdle() {
    tokio::time::sleep(Duration::from_millis(25)).await;
}

/// `PositionsFromASequence`: commits come out of order when they take different times.
pub async fn commit_late() {
    if is_planted(Fault::PositionsFromASequence) {
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..20))).await;
    }
}

/// `PositionsFromASequence`: no lock.
pub const BEGIN_WITHOUT_LOCK: &str =
    "create sequence if not exists planted_positions increment by 1000; begin";

/// `PositionsFromASequence`: a stretch of positions of one's own.
pub const LOOK_AT_THE_SEQUENCE: &str = "select nextval('planted_positions') * 1000 as head,
    clock_timestamp() as now, (select epoch from log_state) as epoch";
