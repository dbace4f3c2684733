//! The checker on histories of a few lines: a good one is good, and each thing that can be wrong is found in one that
//! differs from it by that thing alone.

mod changes;

use super::example::{event, good, message, ms, page, pages, send, stored};
use super::{BOUND, Count, Follower, History, Kind, Outcome, What};

/// What is found after a change.
fn found(change: impl FnOnce(&mut History)) -> Vec<Kind> {
    found_in(good(), change)
}

fn found_in(mut history: History, change: impl FnOnce(&mut History)) -> Vec<Kind> {
    change(&mut history);
    let mut kinds: Vec<Kind> = history.check().anomalies.iter().map(|a| a.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[track_caller]
fn finds(kind: Kind, change: impl FnOnce(&mut History)) {
    let kinds = found(change);
    assert!(kinds.contains(&kind), "{kind:?} is not among {kinds:?}");
}

#[test]
fn a_good_history_has_no_anomaly() {
    assert_eq!(found(|_| {}), []);
}

#[test]
fn a_message_that_nobody_knows_the_fate_of_may_be_there_or_not() {
    assert_eq!(
        found(|history| {
            history.sends[2].outcome = Outcome::Ambiguous;
            history.sends[2].replays.clear();
        }),
        []
    );
    assert_eq!(
        found(|history| {
            let mut gone = send(4, "bob", 400);
            (gone.outcome, gone.replays) = (Outcome::Ambiguous, Vec::new());
            history.sends.push(gone);
        }),
        []
    );
}

#[test]
fn what_a_follower_never_got_is_lost() {
    finds(Kind::Lost, |history| {
        history.pages[4].events.clear();
    });
    finds(Kind::Lost, |history| {
        history.sends.push(send(4, "ann", 400))
    });
    finds(Kind::Lost, |history| {
        history.pages[5].events.clear();
    });
    // A receipt that only the other one got.
    finds(Kind::Lost, |history| {
        history.pages[8].events.remove(0);
    });
}

#[test]
fn a_receipt_of_delivery_is_lost_only_where_somebody_has_read_on() {
    let delivered = |position| {
        let by = "bob".to_owned();
        event(position, What::Delivered { by })
    };
    // A second follower of Ann's that has all she has; it is stopped when only the first has the receipt, or reads on.
    let twice = |history: &mut History, up_to: i64| {
        history.followers.push(Follower {
            name: "ann's other page".to_owned(),
            user: "ann".to_owned(),
            start: 10,
            waits: true,
        });
        let told = page(0, 400, 15, 16, 1, vec![delivered(16)]);
        history.pages.push(told);
        history.pages.extend(pages(2, "ann"));
        history.pages.push(page(2, 410, 15, up_to, 1, vec![]));
    };
    assert_eq!(found(|history| twice(history, 15)), []);
    finds(Kind::Lost, |history| twice(history, 16));
}

#[test]
fn what_nobody_sent_or_no_member_should_see_is_invented() {
    finds(Kind::Invented, |history| {
        history.sends.remove(2);
    });
    finds(Kind::Invented, |history| {
        history.sends[2].outcome = Outcome::Failed
    });
    finds(Kind::Invented, |history| {
        history.sends[2].sender = "ann".to_owned()
    });
    finds(Kind::Invented, |history| {
        history.conversations[0].members.pop();
    });
}

#[test]
fn what_comes_again_or_is_stored_again_is_twice() {
    finds(Kind::Twice, |history| {
        let again = message(14, 2, "ann");
        history.pages[4].events.insert(0, again);
    });
    finds(Kind::Twice, |history| {
        history.sends[0].replays = vec![stored(9)]
    });
}

#[test]
fn positions_that_go_back_are_out_of_order() {
    finds(Kind::OutOfOrder, |history| {
        history.pages[3].events.reverse()
    });
    // Both followers see `seq` 3 before 2.
    finds(Kind::OutOfOrder, |history| {
        for page in [3, 4, 8, 9] {
            let (seq, sender) = if page % 5 == 3 {
                (3, "bob")
            } else {
                (2, "ann")
            };
            let last = history.pages[page].events.last_mut().expect("an event");
            *last = message(last.position, seq, sender);
        }
    });
}

#[test]
fn a_hole_between_seqs_is_found() {
    finds(Kind::NotDense, |history| {
        history.sends.push(send(5, "ann", 400))
    });
}

#[test]
fn a_message_behind_one_that_began_after_its_answer_breaks_real_time() {
    finds(Kind::RealTime, |history| {
        history.sends[1].invoked = ms(350);
        history.sends[1].outcome = Outcome::Acked {
            at: ms(360),
            took: ms(10),
            stored: stored(2),
        };
    });
}

#[test]
fn what_reaches_a_waiting_follower_after_the_bound_is_late() {
    let bound = BOUND.as_millis() as u64;
    finds(Kind::Late, |history| {
        history.pages[9].at = ms(310 + bound + 1);
    });
    finds(Kind::Late, |history| {
        history.pages.pop();
    });
    // In a burst that is followed by no silence, or when the follower does not wait, nobody judges it.
    let late = found(|history| {
        history.pages[9].at = ms(310 + bound + 1);
        history.quiet.clear();
    });
    assert_eq!(late, []);
    let late = found(|history| {
        history.pages[9].at = ms(310 + bound + 1);
        history.followers[1].waits = false;
    });
    assert_eq!(late, []);
}

#[test]
fn a_cursor_that_goes_back_or_jumps_is_found() {
    finds(Kind::CursorRegress, |history| history.pages[3].from = 13);
    finds(Kind::CursorRegress, |history| history.pages[2].cursor = 11);
    finds(Kind::CursorRegress, |history| history.pages[3].cursor = 13);
}

#[test]
fn an_unread_total_that_is_no_recount_is_found() {
    finds(Kind::WrongUnread, |history| history.unread[1].total = 1);
    finds(Kind::WrongUnread, |history| {
        history.pages[7].unread = Some(Count::default())
    });
}

#[test]
fn a_count_that_does_not_name_what_has_changed_is_found() {
    finds(Kind::WrongUnread, |history| {
        let count = history.pages[6].unread.as_mut().expect("it has one");
        count.changed.clear();
    });
}

#[test]
fn a_poll_without_what_its_instance_acknowledged_is_stale() {
    finds(Kind::StaleRead, |history| {
        history.pages[2].asked = Some(ms(211));
    });
    // The other instance has a second; so has one that answered without waiting for its own tail.
    let elsewhere = found(|history| {
        history.pages[2].asked = Some(ms(211));
        history.pages[2].instance = 1;
    });
    assert_eq!(elsewhere, []);
}

#[test]
fn two_contents_of_one_place_differ() {
    finds(Kind::Differs, |history| {
        history.pages[4].events[0].fingerprint = Some(7)
    });
}

#[test]
fn a_good_cursor_that_is_refused_is_found() {
    finds(Kind::Refused, |history| {
        history.refusals.push((0, "410".to_owned()))
    });
}

#[test]
fn what_is_neither_an_answer_nor_503_with_a_time_to_come_back_is_found() {
    let harmless = found(|history| {
        history.other_answer(503, true, "a poll");
        history.other_answer(0, false, "a poll that was cut off");
    });
    assert_eq!(harmless, []);
    finds(Kind::WrongAnswer, |history| {
        history.other_answer(503, false, "a poll");
    });
    finds(Kind::WrongAnswer, |history| {
        history.other_answer(500, true, "a poll");
    });
}
