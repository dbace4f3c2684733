//! Checks of unread counts: those of each page by replaying the log up to its cursor, those of the end by a recount.

use std::collections::{BTreeSet, HashMap};

use super::known::Known;
use super::messages::acked;
use super::{Kind, Seen, Verdict, What};

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    for user in known.users() {
        pages(known, user, verdict);
        end(known, user, verdict);
    }
}

/// One user's side of one conversation.
#[derive(Default)]
struct Side {
    horizon: i64,
    /// Others' messages after the horizon.
    unread: BTreeSet<i64>,
}

impl Side {
    fn receive(&mut self, seq: i64) {
        if seq > self.horizon {
            self.unread.insert(seq);
        }
    }

    fn read(&mut self, up_to: i64) {
        self.horizon = self.horizon.max(up_to);
        self.unread.retain(|seq| *seq > up_to);
    }
}

/// "Absolute, and true at the cursor": the total that came with a page is that of the log up to the page's cursor, and
/// the conversations of the page are named.
fn pages(known: &Known<'_>, user: &str, verdict: &mut Verdict) {
    let mut sides: HashMap<&str, Side> = HashMap::new();
    let mut total: i64 = 0;
    let mut totals = Vec::new();
    for seen in known.feed(user) {
        let side = sides.entry(&seen.conversation).or_default();
        let before = side.unread.len() as i64;
        match &seen.what {
            What::Message { seq, sender, .. } if sender == user => side.read(*seq),
            What::Message { seq, .. } => side.receive(*seq),
            What::Read { reader, up_to } if reader == user => side.read(*up_to),
            _ => {}
        }
        total += side.unread.len() as i64 - before;
        totals.push((seen.position, total));
    }
    for (index, follower) in known.history.followers.iter().enumerate() {
        if follower.user != user {
            continue;
        }
        for page in &known.pages[index] {
            let Some(said) = &page.unread else { continue };
            let before = totals.partition_point(|(position, _)| *position <= page.cursor);
            let counted = before.checked_sub(1).map_or(0, |last| totals[last].1);
            let mut found = |problem: String| {
                let place = format!("{:?} on instance {}", page.transport, page.instance);
                let what = format!("{}, {place}, at {}: {problem}", follower.name, page.cursor);
                verdict.add(Kind::WrongUnread, what);
            };
            if said.total != counted {
                found(format!("{}, not {counted}", said.total));
            }
            let unnamed = |seen: &&Seen| !said.changed.contains(&seen.conversation);
            if let Some(seen) = page.events.iter().find(unnamed) {
                found(format!(
                    "{} has changed, and is not named",
                    seen.conversation
                ));
            }
        }
    }
}

/// At the end: a recount from what was acknowledged, whatever the feeds said.
fn end(known: &Known<'_>, user: &str, verdict: &mut Verdict) {
    let mut sides: HashMap<&str, Side> = HashMap::new();
    for read in &known.history.reads {
        if read.reader != user {
            continue;
        }
        // It may have moved the horizon or not: there is nothing to compare with.
        let Some(up_to) = read.read_up_to else { return };
        sides.entry(&read.conversation).or_default().read(up_to);
    }
    let events = known.events.values().filter_map(|seen| match &seen.what {
        What::Message { seq, sender, .. } => Some((&seen.conversation, sender, *seq)),
        _ => None,
    });
    let answers = known.history.sends.iter().filter_map(|send| {
        acked(send).map(|(_, stored)| (&send.conversation, &send.sender, stored.seq))
    });
    for (conversation, sender, seq) in events.chain(answers) {
        if !known.is_member(user, conversation) {
            continue;
        }
        let side = sides.entry(conversation).or_default();
        if sender == user {
            side.read(seq);
        } else {
            side.receive(seq);
        }
    }
    let counted: i64 = sides.values().map(|side| side.unread.len() as i64).sum();
    for said in &known.history.unread {
        if said.user == user && said.total != counted {
            let what = format!(
                "{user} at the end, on instance {}: {}, not {counted}",
                said.instance, said.total
            );
            verdict.add(Kind::WrongUnread, what);
        }
    }
}
