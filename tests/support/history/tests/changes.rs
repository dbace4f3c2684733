//! The checker on comings, goings, edits and deletions.

use crate::support::history::example::{event, ms};
use crate::support::history::lively::{edit, lively, message, refuse, step};
use crate::support::history::{Count, Done, History, Kind, Look, What};

/// What is found after a change.
fn found(change: impl FnOnce(&mut History)) -> Vec<Kind> {
    super::found_in(lively(), change)
}

#[track_caller]
fn finds(kind: Kind, change: impl FnOnce(&mut History)) {
    let kinds = found(change);
    assert!(kinds.contains(&kind), "{kind:?} is not among {kinds:?}");
}

#[track_caller]
fn finds_nothing(change: impl FnOnce(&mut History)) {
    assert_eq!(found(change), []);
}

/// Sets what a page's only event says.
fn say(history: &mut History, page: usize, text: Option<&str>) {
    history.pages[page].events[0].look = Some(Look {
        text: text.map(str::to_owned),
        bytes: 5,
    });
}

#[test]
fn a_good_history_has_no_anomaly() {
    assert_eq!(lively().check().to_string(), "no anomaly");
}

#[test]
fn what_belongs_to_a_stretch_and_is_not_there_is_lost() {
    // The message before the removal, the removal itself, the return, its notice.
    for page in [14, 15, 16, 17] {
        finds(Kind::Lost, |history| history.pages[page].events.clear());
    }
}

#[test]
fn what_lies_between_two_stretches_is_for_nobody_who_was_away() {
    for position in [15, 16] {
        finds(Kind::Invented, |history| {
            let between = history.pages[position - 11].events[0].clone();
            history.pages[16].events.insert(0, between);
        });
    }
}

#[test]
fn a_step_that_was_acknowledged_and_is_not_in_the_log_is_lost() {
    finds(Kind::Lost, |history| {
        history.moves.push(step("bob", false, 950))
    });
    finds_nothing(|history| {
        // Nobody knows, or it was refused, or it was one already.
        for (joins, done) in [
            (true, history.moves[0].done),
            (false, Done::Failed),
            (false, Done::Ambiguous),
        ] {
            history.moves.push(step("bob", joins, 950));
            history.moves.last_mut().expect("just pushed").done = done;
        }
    });
}

#[test]
fn a_step_that_nobody_asked_for_is_invented() {
    for n in [0, 1] {
        finds(Kind::Invented, |history| drop(history.moves.remove(n)));
    }
    finds(Kind::Invented, |history| history.moves.clear());
    finds(Kind::Invented, |history| {
        history.moves[0].done = Done::Failed
    });
}

#[test]
fn what_was_sent_from_outside_is_invented() {
    finds(Kind::Invented, |history| {
        history.sends[2].sender = "bob".to_owned();
        history.pages[5].events[0] = message(16, 4, "bob", Some("says k4"));
    });
    finds(Kind::Invented, |history| refuse(history, 2));
}

#[test]
fn a_notice_that_is_missing_or_says_nothing_is_found() {
    finds(Kind::Lost, |history| history.pages[4].events.clear());
    finds(Kind::NotDense, |history| history.pages[4].events.clear());
    finds(Kind::Invented, |history| {
        history.pages[5].events[0] = event(16, What::Notice { seq: 4 });
    });
    // Where none are given, none are missed.
    finds_nothing(|history| {
        for page in [4, 7, 17] {
            history.pages[page].events.clear();
        }
        let seqs = [1, 2, 3, 4, 5];
        let mut sends = history.sends.iter_mut().zip(seqs);
        sends.by_ref().for_each(|(send, seq)| renumber(send, seq));
        for event in history.pages.iter_mut().flat_map(|page| &mut page.events) {
            if let What::Message { seq, .. } = &mut event.what {
                *seq = [1, 2, 0, 3, 0, 4, 5][*seq as usize - 1];
            }
        }
    });
}

/// Gives a message another number; its key and id stay.
fn renumber(send: &mut crate::support::history::Send, to: i64) {
    if let crate::support::history::Outcome::Acked { stored, .. } = &mut send.outcome {
        stored.seq = to;
    }
    send.replays.clear();
}

#[test]
fn a_change_that_was_acknowledged_and_is_told_to_nobody_is_lost() {
    finds(Kind::Lost, |history| {
        history.edits.push(edit(1, Some("quite other"), 950));
    });
    finds_nothing(|history| {
        history.edits.push(edit(1, Some("quite other"), 950));
        history.edits[2].done = Done::Ambiguous;
        history.edits.push(edit(4, None, 950));
        history.edits[3].done = Done::Failed;
    });
}

#[test]
fn a_change_that_nobody_asked_for_is_invented() {
    for n in [0, 1] {
        finds(Kind::Invented, |history| drop(history.edits.remove(n)));
    }
    finds(Kind::Invented, |history| {
        history.edits[0].text = None;
    });
    finds(Kind::Invented, |history| {
        say(history, 5, Some("what nobody wrote"))
    });
    // Before it was asked for.
    finds(Kind::Invented, |history| say(history, 8, Some("better")));
}

#[test]
fn what_a_message_said_before_its_own_change_is_old() {
    for page in [9, 19] {
        finds(Kind::OldText, |history| say(history, page, Some("says k6")));
    }
    for page in [10, 20] {
        finds(Kind::OldText, |history| say(history, page, Some("says k2")));
    }
}

#[test]
fn what_a_message_said_before_an_answer_is_old_in_what_is_asked_for_after_it() {
    // The page with the message itself, read late: at 710 its instance had answered.
    let late = |history: &mut History, instance: usize, asked: u64| {
        for page in 18..22 {
            let at = &mut history.pages[page].at;
            *at = ms(asked + 1 + page as u64).max(*at);
        }
        // More is there, as it says: only its text is judged.
        history.pages[18].has_more = true;
        history.pages[18].asked = Some(ms(asked));
        history.pages[18].instance = instance;
    };
    finds(Kind::OldText, |history| late(history, 0, 711));
    finds_nothing(|history| late(history, 0, 709));
    finds_nothing(|history| {
        late(history, 0, 711);
        say(history, 18, Some("better"));
    });
    // Elsewhere only in a quiet phase, and two seconds later.
    finds_nothing(|history| late(history, 1, 2900));
    finds(Kind::OldText, |history| late(history, 1, 2940));
    finds_nothing(|history| {
        late(history, 1, 2940);
        history.quiet.clear();
    });
}

#[test]
fn one_text_in_two_renderings_differs() {
    finds(Kind::Differs, |history| {
        let look = history.pages[18].events[0]
            .look
            .as_mut()
            .expect("a message");
        look.bytes += 1;
    });
    finds(Kind::Differs, |history| {
        history.pages[18].events[0].fingerprint = Some(7)
    });
}

/// With the deletion of a message that Bob has not read, instead of one that he has.
fn of_an_unread_one(history: &mut History, totals: [i64; 2]) {
    history.edits[1].message = "m6".to_owned();
    for page in [10, 20] {
        history.pages[page].events[0].what = What::Deleted {
            message: "m6".to_owned(),
            seq: 6,
        };
    }
    for (page, total) in [20, 21].into_iter().zip(totals) {
        let count = history.pages[page].unread.as_mut().expect("it has one");
        count.total = total;
    }
    history.unread[1].total = totals[1];
}

#[test]
fn what_was_deleted_or_said_before_the_return_is_not_unread() {
    finds_nothing(|history| of_an_unread_one(history, [0, 1]));
    finds(Kind::WrongUnread, |history| {
        of_an_unread_one(history, [1, 2])
    });
    finds(Kind::WrongUnread, |history| history.unread[1].total = 4);
    finds(Kind::WrongUnread, |history| {
        history.pages[16].unread = Some(Count {
            total: 2,
            ..Count::default()
        });
    });
    // Notices, and whatever one is no member of any more.
    finds(Kind::WrongUnread, |history| {
        history.pages[15].unread = Some(Count {
            total: 2,
            ..Count::default()
        });
    });
}

#[test]
fn what_is_about_to_be_deleted_need_not_be_counted() {
    let not_counted = |history: &mut History, at: u64| {
        of_an_unread_one(history, [0, 1]);
        history.pages[19].at = ms(at);
        history.pages[19].unread.as_mut().expect("it has one").total = 0;
    };
    finds_nothing(|history| not_counted(history, 805));
    // Before anybody had asked for it, it was unread.
    finds(Kind::WrongUnread, |history| not_counted(history, 795));
}

#[test]
fn a_poll_without_a_change_or_a_step_that_its_instance_acknowledged_is_stale() {
    // Asked after the edit at 20 was answered, and looked at up to 19.
    finds(Kind::StaleRead, |history| {
        history.pages[8].asked = Some(ms(711))
    });
    // Asked after the return at 17.
    finds(Kind::StaleRead, |history| {
        history.pages[3].asked = Some(ms(511))
    });
    finds_nothing(|history| {
        history.pages[3].asked = Some(ms(511));
        history.pages[3].instance = 1;
    });
}
