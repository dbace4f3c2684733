//! Checks of unread counts: those of each page by replaying the log up to its cursor, those of the end by a recount.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::known::Known;
use super::messages::acked;
use super::{Done, Kind, Page, Seen, Verdict, What};

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    let deletions = Deletions::of(known);
    for user in known.users() {
        pages(known, user, &deletions, verdict);
        end(known, user, &deletions, verdict);
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

/// A user's sides of all conversations, as far as the log was replayed.
#[derive(Default)]
struct Replay<'h>(HashMap<&'h str, Side>);

impl<'h> Replay<'h> {
    /// Takes an event in, and gives by how much the total has changed.
    fn take(&mut self, known: &Known<'_>, user: &str, seen: &'h Seen) -> i64 {
        let side = self.0.entry(&seen.conversation).or_default();
        let before = side.unread.len() as i64;
        match &seen.what {
            What::Message { seq, sender, .. } if sender == user => side.read(*seq),
            What::Message { seq, .. } => side.receive(*seq),
            What::Deleted { seq, .. } => drop(side.unread.remove(seq)),
            What::Read { reader, up_to } if reader == user => side.read(*up_to),
            // Whatever was said before is behind them.
            What::Joined { user: joined } if joined == user => {
                *side = Side::default();
                side.read(newest_below(known, &seen.conversation, seen.position));
            }
            What::Left { user: left } if left == user => *side = Side::default(),
            _ => {}
        }
        side.unread.len() as i64 - before
    }
}

/// The newest number of a conversation below a place in the log.
fn newest_below(known: &Known<'_>, conversation: &str, position: i64) -> i64 {
    let mut before = known.events.range(..position).rev().map(|(_, seen)| seen);
    let newest = before.find_map(|seen| match &seen.what {
        What::Message { seq, .. } | What::Notice { seq } if seen.conversation == conversation => {
            Some(*seq)
        }
        _ => None,
    });
    newest.unwrap_or(0)
}

/// "Absolute, and true at the cursor": the total that came with a page is that of the log up to the page's cursor, and
/// the conversations of the page are named.
fn pages(known: &Known<'_>, user: &str, deletions: &Deletions<'_>, verdict: &mut Verdict) {
    let (mut replay, mut total, mut totals) = (Replay::default(), 0, Vec::new());
    for seen in known.feed(user) {
        total += replay.take(known, user, seen);
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
            if said.total != counted && !deletions.explain(known, user, page, counted - said.total)
            {
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

/// The messages that are deleted, by conversation and number.
struct Deletions<'h> {
    gone: HashSet<(&'h str, i64)>,
    /// Those that anybody was told of: when that was asked for first, and where in the log it stands.
    told: HashMap<(&'h str, i64), (super::Moment, i64)>,
}

impl<'h> Deletions<'h> {
    fn of(known: &Known<'h>) -> Self {
        let mut deletions = Self {
            gone: HashSet::new(),
            told: HashMap::new(),
        };
        let (mut asked, mut numbers) = (HashMap::new(), HashMap::new());
        for edit in known
            .history
            .edits
            .iter()
            .filter(|edit| edit.text.is_none())
        {
            asked.insert(edit.message.as_str(), edit);
        }
        for send in &known.history.sends {
            if let Some((_, stored)) = acked(send) {
                numbers.insert(stored.id.as_str(), stored.seq);
            }
        }
        for (message, edit) in &asked {
            if let (Some(seq), Done::Acked { .. }) = (numbers.get(message), edit.done) {
                deletions.gone.insert((&edit.conversation, *seq));
            }
        }
        for seen in known.events.values() {
            if let What::Deleted { message, seq } = &seen.what {
                let place = (seen.conversation.as_str(), *seq);
                deletions.gone.insert(place);
                if let Some(edit) = asked.get(message.as_str()) {
                    deletions.told.insert(place, (edit.invoked, seen.position));
                }
            }
        }
        deletions
    }

    /// A message is shown as it is when it is read: one whose deletion stands above the cursor already, and was asked for
    /// when the page came, need not be counted at the cursor any more. Whether that many are such.
    fn explain(&self, known: &Known<'_>, user: &str, page: &Page, missing: i64) -> bool {
        let mut replay = Replay::default();
        let up_to_cursor = known
            .feed(user)
            .take_while(|seen| seen.position <= page.cursor);
        for seen in up_to_cursor {
            replay.take(known, user, seen);
        }
        let unread = replay
            .0
            .iter()
            .flat_map(|(conversation, side)| side.unread.iter().map(|seq| (*conversation, *seq)));
        let is_going = |place: &(&str, i64)| {
            let told = self.told.get(place);
            told.is_some_and(|(asked, position)| *asked < page.at && *position > page.cursor)
        };
        (0..=unread.filter(is_going).count() as i64).contains(&missing)
    }
}

/// At the end: a recount from what was acknowledged, whatever the feeds said of reading.
fn end(known: &Known<'_>, user: &str, deletions: &Deletions<'_>, verdict: &mut Verdict) {
    let mut sides: HashMap<&str, Side> = HashMap::new();
    for conversation in &known.history.conversations {
        // Whoever is out of it has nothing unread there.
        if let Some(since) = known.is_in_since(user, &conversation.id) {
            let side = sides.entry(&conversation.id).or_default();
            side.read(newest_below(known, &conversation.id, since));
        }
    }
    for read in &known.history.reads {
        if read.reader != user {
            continue;
        }
        // It may have moved the horizon or not: there is nothing to compare with.
        let Some(up_to) = read.read_up_to else { return };
        if let Some(side) = sides.get_mut(read.conversation.as_str()) {
            side.read(up_to);
        }
    }
    let events = known.events.values().filter_map(|seen| match &seen.what {
        What::Message { seq, sender, .. } => Some((&seen.conversation, sender, *seq)),
        _ => None,
    });
    let answers = known.history.sends.iter().filter_map(|send| {
        acked(send).map(|(_, stored)| (&send.conversation, &send.sender, stored.seq))
    });
    for (conversation, sender, seq) in events.chain(answers) {
        let Some(side) = sides.get_mut(conversation.as_str()) else {
            continue;
        };
        if sender == user {
            side.read(seq);
        } else if !deletions.gone.contains(&(conversation.as_str(), seq)) {
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
