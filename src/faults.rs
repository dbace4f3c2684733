//! Deliberate defects, one at a time, chosen by `CAUSERIE_FAULT`: what the history checker and the
//! model must be able to catch.
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
    /// Memory goes on showing a conversation to whoever left it.
    LeavingIsNotHeard,
    /// A feed is born with one stretch where its user left and rejoined.
    RejoiningReopens,
    /// Memory goes on counting what was deleted.
    UnreadKeepsTheDeleted,
    /// Memory goes on counting notifications that were deleted.
    NotificationsStayUnread,
    /// Memory hands out the text that a message had before.
    RingKeepsOldText,
    /// Memory hands out the text that an answered message had before.
    RingKeepsOldExcerpts,
    /// Others are told what was read by somebody who turned receipts off.
    ReceiptsThoughOff,
    /// Any member of a group may rename and close it.
    AnyMemberAlters,
    /// A poll that knows the tag of before is not told who types.
    EtagIgnoresTyping,
}

const NAMES: &[(&str, Fault)] = &[
    ("positions-from-a-sequence", Fault::PositionsFromASequence),
    ("read-before-register", Fault::ReadBeforeRegister),
    ("cursor-past-the-page", Fault::CursorPastThePage),
    (
        "feed-misses-new-conversations",
        Fault::FeedMissesNewConversations,
    ),
    ("leaving-is-not-heard", Fault::LeavingIsNotHeard),
    ("rejoining-reopens", Fault::RejoiningReopens),
    ("unread-keeps-the-deleted", Fault::UnreadKeepsTheDeleted),
    ("notifications-stay-unread", Fault::NotificationsStayUnread),
    ("ring-keeps-old-text", Fault::RingKeepsOldText),
    ("ring-keeps-old-excerpts", Fault::RingKeepsOldExcerpts),
    ("receipts-though-off", Fault::ReceiptsThoughOff),
    ("any-member-alters", Fault::AnyMemberAlters),
    ("etag-ignores-typing", Fault::EtagIgnoresTyping),
];

/// The one that is planted in this process.
pub fn planted() -> Option<Fault> {
    static PLANTED: OnceLock<Option<Fault>> = OnceLock::new();
    *PLANTED.get_or_init(|| {
        let asked = std::env::var("CAUSERIE_FAULT").ok()?;
        let mut all = NAMES.iter();
        all.find(|(name, _)| *name == asked)
            .map(|(_, fault)| *fault)
    })
}

pub fn is_planted(fault: Fault) -> bool {
    planted() == Some(fault)
}

/// `RingKeepsOldText`, `RingKeepsOldExcerpts`: whether an event keeps its bytes when a message changes, its own or one
/// that it answers.
pub fn keeps(is_own: bool) -> bool {
    is_planted(if is_own {
        Fault::RingKeepsOldText
    } else {
        Fault::RingKeepsOldExcerpts
    })
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
    clock_timestamp() as now, (select epoch from log_state) as epoch, false as is_erasing";
