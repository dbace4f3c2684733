//! A history of a few lines in which somebody is removed and comes back, and messages are edited and deleted, rightly.

use super::example::{event, ms, page, send, stored};
use super::{
    Conversation, Done, Edit, Follower, History, Look, Moment, Move, Outcome, Seen, Unread, What,
};

pub(super) const CONVERSATION: &str = "the-conversation";

fn done(at: u64) -> Done {
    Done::Acked {
        at: ms(at),
        took: ms(10),
    }
}

pub(super) fn edit(seq: i64, text: Option<&str>, invoked: u64) -> Edit {
    Edit {
        message: stored(seq).id,
        conversation: CONVERSATION.to_owned(),
        instance: 0,
        invoked: ms(invoked),
        text: text.map(str::to_owned),
        done: done(invoked + 10),
    }
}

pub(super) fn step(user: &str, joins: bool, invoked: u64) -> Move {
    Move {
        conversation: CONVERSATION.to_owned(),
        user: user.to_owned(),
        joins,
        instance: 0,
        invoked: ms(invoked),
        done: done(invoked + 10),
    }
}

fn said(position: i64, what: What, text: Option<&str>) -> Seen {
    let bytes = text.map_or(0, |text| text.len() as u64);
    Seen {
        look: Some(Look {
            text: text.map(str::to_owned),
            bytes,
        }),
        ..event(position, what)
    }
}

pub(super) fn message(position: i64, seq: i64, sender: &str, text: Option<&str>) -> Seen {
    let what = What::Message {
        key: format!("k{seq}"),
        id: format!("m{seq}"),
        seq,
        sender: sender.to_owned(),
    };
    said(position, what, text)
}

/// Everything in the log, with when it was received by whoever was there.
fn log() -> Vec<(Moment, Seen)> {
    let (ann, bob) = ("ann".to_owned(), "bob".to_owned());
    let edited = What::Edited {
        message: "m6".to_owned(),
    };
    let deleted = What::Deleted {
        message: "m2".to_owned(),
        seq: 2,
    };
    let events = [
        (90, event(11, What::Created)),
        (120, message(12, 1, &ann, Some("says k1"))),
        (220, message(13, 2, &ann, Some("says k2"))),
        (320, event(14, What::Left { user: bob.clone() })),
        (330, event(15, What::Notice { seq: 3 })),
        (420, message(16, 4, &ann, Some("says k4"))),
        (520, event(17, What::Joined { user: bob })),
        (530, event(18, What::Notice { seq: 5 })),
        (620, message(19, 6, &ann, Some("says k6"))),
        (720, said(20, edited, Some("better"))),
        (820, said(21, deleted, None)),
        (920, message(22, 7, &ann, Some("says k7"))),
    ];
    events.map(|(at, seen)| (ms(at), seen)).into()
}

/// Ann says two things, removes Bob, says a third, takes Bob back, says a fourth, edits it, deletes the second, and says a
/// fifth. Bob has the last two unread. Both follow, an event a page: 0 to 11 are Ann's pages, 12 to 21 Bob's.
pub(super) fn lively() -> History {
    let mut history = History {
        conversations: vec![Conversation {
            id: CONVERSATION.to_owned(),
            members: vec!["ann".to_owned(), "bob".to_owned()],
            is_group: true,
        }],
        sends: [(1, 100), (2, 200), (4, 400), (6, 600), (7, 900)]
            .map(|(seq, invoked)| send(seq, "ann", invoked))
            .into(),
        moves: vec![step("bob", false, 300), step("bob", true, 500)],
        edits: vec![edit(6, Some("better"), 700), edit(2, None, 800)],
        quiet: vec![(ms(930), ms(10_000))],
        ..History::default()
    };
    for (follower, user) in ["ann", "bob"].into_iter().enumerate() {
        history.followers.push(Follower {
            name: format!("{user}'s page"),
            user: user.to_owned(),
            start: 10,
            waits: true,
        });
        history.unread.push(Unread {
            user: user.to_owned(),
            instance: 0,
            total: if user == "ann" { 0 } else { 2 },
        });
        let (mut from, mut unread) = (10, 0);
        for (at, seen) in log() {
            let position = seen.position;
            let is_away = user == "bob" && (15..17).contains(&position);
            if is_away {
                continue;
            }
            if user == "bob" {
                // By each place of the log: two said, left, back with nothing unread, and two more.
                unread = [0, 1, 2, 0, 0, 0, 0, 0, 1, 1, 1, 2][position as usize - 11];
            }
            let at = at.as_millis() as u64;
            let page = page(follower, at, from, position, unread, vec![seen]);
            history.pages.push(page);
            from = position;
        }
    }
    history
}

/// Makes the outcome of somebody's message a refusal.
pub(super) fn refuse(history: &mut History, n: usize) {
    history.sends[n].outcome = Outcome::Failed;
    history.sends[n].replays.clear();
}
