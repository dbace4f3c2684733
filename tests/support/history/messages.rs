//! Checks of what was sent: stored once, numbered without a hole, in the order of real time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::known::Known;
use super::{Kind, Moment, Outcome, Send, Stored, Verdict, What};

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    invented(known, verdict);
    lost(known, verdict);
    twice(known, verdict);
    dense(known, verdict);
    for sends in by_conversation(known).values() {
        real_time(sends, verdict);
    }
}

/// What was delivered must have been sent, by that sender, into that conversation, and not have been refused.
fn invented(known: &Known<'_>, verdict: &mut Verdict) {
    let sends: HashMap<&str, &Send> = known
        .history
        .sends
        .iter()
        .map(|send| (send.key.as_str(), send))
        .collect();
    for seen in known.events.values() {
        let What::Message {
            key, id, sender, ..
        } = &seen.what
        else {
            continue;
        };
        let problem = match sends.get(key.as_str()) {
            None => "nobody sent it",
            Some(send) if send.outcome == Outcome::Failed => "it was refused",
            Some(send) if send.conversation != seen.conversation => "sent to another conversation",
            Some(send) if send.sender != *sender => "sent by somebody else",
            Some(_) if !known.holds(sender, &seen.conversation, seen.position) => {
                "its sender was no member there"
            }
            Some(_) => continue,
        };
        verdict.add(Kind::Invented, format!("message {id} ({key}): {problem}"));
    }
}

/// What was acknowledged and nobody was ever given. What somebody was given is looked for with each follower.
fn lost(known: &Known<'_>, verdict: &mut Verdict) {
    for send in &known.history.sends {
        if acked(send).is_some() && !known.positions.contains_key(&*send.key) {
            verdict.add(Kind::Lost, format!("nobody ever got {}", send.key));
        }
    }
}

/// One client key, one message: in every answer and every event.
fn twice(known: &Known<'_>, verdict: &mut Verdict) {
    let mut stored: HashMap<&str, BTreeSet<(&str, i64)>> = HashMap::new();
    for seen in known.events.values() {
        if let What::Message { key, id, seq, .. } = &seen.what {
            stored.entry(key).or_default().insert((id, *seq));
        }
    }
    for send in &known.history.sends {
        let acked = acked(send).map(|(_, stored)| stored);
        for answer in acked.into_iter().chain(&send.replays) {
            let all = stored.entry(&send.key).or_default();
            all.insert((&answer.id, answer.seq));
        }
    }
    for (key, messages) in stored {
        if messages.len() > 1 {
            verdict.add(
                Kind::Twice,
                format!("{key} is more than one message: {messages:?}"),
            );
        }
    }
}

/// 1, 2, 3 … in each conversation, and in the order of positions.
fn dense(known: &Known<'_>, verdict: &mut Verdict) {
    let mut seqs: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    let mut newest: BTreeMap<&str, i64> = BTreeMap::new();
    for (position, seen) in &known.events {
        let (What::Message { seq, .. } | What::Notice { seq }) = &seen.what else {
            continue;
        };
        seqs.entry(&seen.conversation).or_default().insert(*seq);
        let newest = newest.entry(&seen.conversation).or_insert(0);
        if seq <= newest {
            let what = format!("{}: {seq} after {newest} at {position}", seen.conversation);
            verdict.add(Kind::OutOfOrder, what);
        }
        *newest = *seq.max(newest);
    }
    for send in &known.history.sends {
        if let Some((_, stored)) = acked(send) {
            let seqs = seqs.entry(&send.conversation).or_default();
            seqs.insert(stored.seq);
        }
    }
    for (conversation, seqs) in seqs {
        if !seqs.iter().copied().eq(1..=seqs.len() as i64) {
            let first = (1..).zip(&seqs).find(|(expected, seq)| expected != *seq);
            let what = format!("{conversation}: the first hole is before {first:?}");
            verdict.add(Kind::NotDense, what);
        }
    }
}

/// Whoever begins after another was answered comes behind it.
fn real_time(sends: &[&Send], verdict: &mut Verdict) {
    let mut answered: Vec<(Moment, i64)> = sends
        .iter()
        .filter_map(|send| acked(send).map(|(at, stored)| (at, stored.seq)))
        .collect();
    answered.sort();
    let mut begun: Vec<(Moment, i64, &str)> = sends
        .iter()
        .filter_map(|send| acked(send).map(|(_, stored)| (send.invoked, stored.seq, &*send.key)))
        .collect();
    begun.sort();
    let mut earlier = answered.into_iter().peekable();
    let mut newest = 0;
    for (invoked, seq, key) in begun {
        while let Some((_, earlier)) = earlier.next_if(|(at, _)| *at < invoked) {
            newest = newest.max(earlier);
        }
        if seq <= newest {
            let what = format!("{key} has seq {seq}; {newest} was answered before it began");
            verdict.add(Kind::RealTime, what);
        }
    }
}

fn by_conversation<'h>(known: &Known<'h>) -> HashMap<&'h str, Vec<&'h Send>> {
    let mut sends: HashMap<&str, Vec<&Send>> = HashMap::new();
    for send in &known.history.sends {
        sends.entry(&send.conversation).or_default().push(send);
    }
    sends
}

/// When it was acknowledged, and as what.
pub(super) fn acked(send: &Send) -> Option<(Moment, &Stored)> {
    match &send.outcome {
        Outcome::Acked { at, stored, .. } => Some((*at, stored)),
        Outcome::Failed | Outcome::Ambiguous => None,
    }
}
