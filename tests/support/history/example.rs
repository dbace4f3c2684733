//! A history of a few lines in which everything is right.

use super::{
    Conversation, Count, Follower, History, Moment, Outcome, Page, Read, Seen, Send, Stored,
    Transport, Unread, What,
};

const CONVERSATION: &str = "the-conversation";

pub(super) fn ms(milliseconds: u64) -> Moment {
    Moment::from_millis(milliseconds)
}

pub(super) fn event(position: i64, what: What) -> Seen {
    Seen {
        position,
        conversation: CONVERSATION.to_owned(),
        what,
        fingerprint: None,
        look: None,
    }
}

pub(super) fn message(position: i64, seq: i64, sender: &str) -> Seen {
    let what = What::Message {
        key: format!("k{seq}"),
        id: format!("m{seq}"),
        seq,
        sender: sender.to_owned(),
    };
    event(position, what)
}

pub(super) fn stored(seq: i64) -> Stored {
    Stored {
        id: format!("m{seq}"),
        seq,
    }
}

pub(super) fn send(seq: i64, sender: &str, invoked: u64) -> Send {
    Send {
        key: format!("k{seq}"),
        conversation: CONVERSATION.to_owned(),
        sender: sender.to_owned(),
        text: format!("says k{seq}"),
        instance: 0,
        invoked: ms(invoked),
        outcome: Outcome::Acked {
            at: ms(invoked + 10),
            took: ms(10),
            stored: stored(seq),
        },
        replays: vec![stored(seq)],
    }
}

pub(super) fn page(
    follower: usize,
    at: u64,
    from: i64,
    cursor: i64,
    unread: i64,
    events: Vec<Seen>,
) -> Page {
    Page {
        follower,
        transport: Transport::LongPoll,
        instance: 0,
        asked: Some(ms(at - 5)),
        at: ms(at),
        from,
        cursor,
        has_more: false,
        unread: Some(Count {
            total: unread,
            changed: vec![CONVERSATION.to_owned()],
        }),
        events,
    }
}

/// Ann says two things; Bob reads the first, answers, and Ann has not read that. Ann and Bob follow.
pub(super) fn good() -> History {
    let mut history = History {
        conversations: vec![Conversation {
            id: CONVERSATION.to_owned(),
            members: vec!["ann".to_owned(), "bob".to_owned()],
            is_group: false,
        }],
        sends: vec![
            send(1, "ann", 100),
            send(2, "ann", 200),
            send(3, "bob", 300),
        ],
        reads: vec![Read {
            conversation: CONVERSATION.to_owned(),
            reader: "bob".to_owned(),
            read_up_to: Some(1),
        }],
        quiet: vec![(ms(310), ms(10_000))],
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
            total: if user == "ann" { 1 } else { 0 },
        });
        history.pages.extend(pages(follower, user));
    }
    history
}

/// Five pages of each: 0 to 4 are Ann's, 5 to 9 Bob's.
pub(super) fn pages(follower: usize, user: &str) -> [Page; 5] {
    let read = What::Read {
        reader: "bob".to_owned(),
        up_to: 1,
    };
    let read_and_second = vec![event(13, read), message(14, 2, "ann")];
    let (bob, ann) = if user == "bob" { (1, 0) } else { (0, 1) };
    [
        page(follower, 90, 10, 11, 0, vec![event(11, What::Created)]),
        page(follower, 120, 11, 12, bob, vec![message(12, 1, "ann")]),
        page(follower, 130, 12, 12, bob, vec![]),
        page(follower, 220, 12, 14, bob, read_and_second),
        page(follower, 320, 14, 15, ann, vec![message(15, 3, "bob")]),
    ]
}
