//! Checks of what each follower was given: everything it may see, once, in order, in time.

use std::collections::{HashMap, HashSet};

use super::known::Known;
use super::messages::acked;
use super::{ANSWERED_ANYWAY, BOUND, Follower, Kind, Moment, Page, Verdict, What};

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    for (index, follower) in known.history.followers.iter().enumerate() {
        let pages = &known.pages[index];
        cursors(follower, pages, verdict);
        order(follower, pages, verdict);
        content(known, follower, pages, verdict);
        lost(known, follower, pages, verdict);
        if follower.waits {
            late(known, follower, pages, verdict);
        }
    }
    stale(known, verdict);
    for (follower, what) in &known.history.refusals {
        let name = &known.history.followers[*follower].name;
        verdict.add(Kind::Refused, format!("{name}: {what}"));
    }
}

/// A page begins where the last one ended, its events lie inside it, and it ends with its last event or behind it.
fn cursors(follower: &Follower, pages: &[&Page], verdict: &mut Verdict) {
    let name = &follower.name;
    let mut cursor = follower.start;
    for page in pages {
        let (from, to) = (page.from, page.cursor);
        let mut found = |problem: &str| {
            let place = format!("{:?} on instance {}", page.transport, page.instance);
            verdict.add(
                Kind::CursorRegress,
                format!("{name}, {place}: {problem} ({from} to {to}, after {cursor})"),
            );
        };
        if from != cursor {
            found("it does not begin at the follower's cursor");
        }
        if to < from {
            found("it ends before it begins");
        }
        let inside = |seen: &super::Seen| seen.position > from && seen.position <= to;
        if !page.events.iter().all(inside) {
            found("an event lies outside");
        }
        cursor = to;
    }
}

/// Positions go up: nothing comes twice, nothing comes behind what is newer.
fn order(follower: &Follower, pages: &[&Page], verdict: &mut Verdict) {
    let mut seen = HashSet::new();
    let mut newest = follower.start;
    for event in pages.iter().flat_map(|page| &page.events) {
        let position = event.position;
        if !seen.insert(position) {
            let what = format!("{} got {position} again", follower.name);
            verdict.add(Kind::Twice, what);
        } else if position <= newest {
            let what = format!("{} got {position} after {newest}", follower.name);
            verdict.add(Kind::OutOfOrder, what);
        }
        newest = newest.max(position);
    }
}

/// What everybody is given at a place of the log is the same, and is given to those alone who are members there.
fn content(known: &Known<'_>, follower: &Follower, pages: &[&Page], verdict: &mut Verdict) {
    for event in pages.iter().flat_map(|page| &page.events) {
        let first = known.events[&event.position];
        if !event.is_one_with(first) {
            let what = format!("{} got {event:?}, another {first:?}", follower.name);
            verdict.add(Kind::Differs, what);
        }
        if !known.sees(&follower.user, event) {
            let what = format!("{} is no member there and got {event:?}", follower.name);
            verdict.add(Kind::Invented, what);
        }
    }
}

/// Every event that others have, of the follower's stretches in its conversations, and their beginnings.
fn lost(known: &Known<'_>, follower: &Follower, pages: &[&Page], verdict: &mut Verdict) {
    let name = &follower.name;
    let has: HashSet<i64> = pages
        .iter()
        .flat_map(|page| &page.events)
        .map(|event| event.position)
        .collect();
    let end = pages.last().map_or(follower.start, |page| page.cursor);
    for event in known.feed(&follower.user) {
        // Nobody waits for the receipts that readers cause: whoever was stopped before one has not missed it.
        let is_ahead = matches!(event.what, What::Delivered { .. }) && event.position > end;
        if !is_ahead && !has.contains(&event.position) {
            let what = format!("{name} never got {event:?}");
            verdict.add(Kind::Lost, what);
        }
    }
    let created: HashSet<&str> = pages
        .iter()
        .flat_map(|page| &page.events)
        .filter(|event| event.what == What::Created)
        .map(|event| event.conversation.as_str())
        .collect();
    for conversation in &known.history.conversations {
        let id = conversation.id.as_str();
        if known.is_founder(&follower.user, id) && !created.contains(id) {
            verdict.add(
                Kind::Lost,
                format!("{name} never heard of conversation {id}"),
            );
        }
    }
}

/// In a quiet phase, what was acknowledged reaches whoever waits for it in time.
fn late(known: &Known<'_>, follower: &Follower, pages: &[&Page], verdict: &mut Verdict) {
    let mut received: HashMap<&str, Moment> = HashMap::new();
    for page in pages {
        for event in &page.events {
            if let What::Message { key, .. } = &event.what {
                received.entry(key).or_insert(page.at);
            }
        }
    }
    for send in &known.history.sends {
        let Some((acked, _)) = acked(send) else {
            continue;
        };
        // Nobody has it: whoever was there from the beginning should.
        let should_have = match known.positions.get(&*send.key) {
            Some(position) => known.holds(&follower.user, &send.conversation, *position),
            None => known.is_founder(&follower.user, &send.conversation),
        };
        if !should_have {
            continue;
        }
        // While the writers write, a slow machine is no defect: the clock starts when it has nothing else to do.
        let quiet = known.history.quiet.iter().find(|(_, end)| *end >= acked);
        let Some((begin, end)) = quiet else { continue };
        let deadline = acked.max(*begin) + BOUND;
        let received = received.get(send.key.as_str()).copied();
        if received.map_or(*end >= deadline, |at| at > deadline) {
            let what = format!(
                "{} waited for {} since {acked:?}, and got it at {received:?}",
                follower.name, send.key
            );
            verdict.add(Kind::Late, what);
        }
    }
}

/// What an instance has acknowledged, each later poll on it has, or says that there is more.
fn stale(known: &Known<'_>, verdict: &mut Verdict) {
    let all = known.acks();
    for user in known.users() {
        // Per instance: acknowledged when, and the newest position that was acknowledged by then.
        let mut acks: HashMap<usize, Vec<(Moment, i64)>> = HashMap::new();
        for ack in &all {
            let is_for = known.holds(user, ack.conversation, ack.position);
            if ack.took < ANSWERED_ANYWAY && is_for {
                let of = acks.entry(ack.instance).or_default();
                of.push((ack.at, ack.position));
            }
        }
        for acks in acks.values_mut() {
            acks.sort();
            let mut newest = 0;
            for (_, position) in acks.iter_mut() {
                newest = newest.max(*position);
                *position = newest;
            }
        }
        for (index, follower) in known.history.followers.iter().enumerate() {
            if follower.user != user {
                continue;
            }
            for page in &known.pages[index] {
                let (Some(asked), false) = (page.asked, page.has_more) else {
                    continue;
                };
                let acks = acks.get(&page.instance).map_or(&[][..], Vec::as_slice);
                let before = acks.partition_point(|(at, _)| *at < asked);
                let newest = before.checked_sub(1).map_or(0, |last| acks[last].1);
                if page.cursor < newest {
                    let what = format!(
                        "{} asked at {asked:?} and was read up to {}; {newest} was acknowledged",
                        follower.name, page.cursor
                    );
                    verdict.add(Kind::StaleRead, what);
                }
            }
        }
    }
}
