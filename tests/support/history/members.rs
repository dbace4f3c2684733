//! Checks of who came and went: what was acknowledged stands in the log, once, and nothing else does; and each coming and
//! going is followed by its notice, before anybody says anything more.

use std::collections::{HashMap, HashSet};

use super::known::Known;
use super::{Done, Kind, Move, Verdict, What};

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    steps(known, verdict);
    notices(known, verdict);
}

/// A member of a conversation.
type Pair<'h> = (&'h str, &'h str);

/// Of each pair: where the log says that it came (true) or went, oldest first.
fn told<'h>(known: &Known<'h>) -> HashMap<Pair<'h>, Vec<(i64, bool)>> {
    let mut told: HashMap<Pair<'h>, Vec<(i64, bool)>> = HashMap::new();
    for seen in known.events.values() {
        let (user, joins) = match &seen.what {
            What::Joined { user } => (user, true),
            What::Left { user } => (user, false),
            _ => continue,
        };
        let of = told.entry((&seen.conversation, user)).or_default();
        of.push((seen.position, joins));
    }
    told
}

/// Of each pair: the steps that change something, in their order, which is that in which they were asked for. Only the
/// last of them may be of unknown fate.
fn asked<'h>(known: &Known<'h>) -> HashMap<Pair<'h>, Vec<&'h Move>> {
    let mut asked: HashMap<Pair<'h>, Vec<&'h Move>> = HashMap::new();
    for step in &known.history.moves {
        let of = asked.entry((&step.conversation, &step.user)).or_default();
        let is_in = of.last().map_or_else(
            || known.is_founder(&step.user, &step.conversation),
            |last| last.joins,
        );
        if step.done != Done::Failed && step.joins != is_in {
            of.push(step);
        }
    }
    asked
}

/// Each step with its place in the log.
pub(super) fn placed<'h>(known: &Known<'h>) -> Vec<(&'h Move, i64)> {
    let told = told(known);
    let mut placed = Vec::new();
    for (pair, steps) in asked(known) {
        let places = told.get(&pair).map_or(&[][..], Vec::as_slice);
        placed.extend(
            steps
                .into_iter()
                .zip(places.iter().map(|(position, _)| *position)),
        );
    }
    placed
}

fn steps(known: &Known<'_>, verdict: &mut Verdict) {
    let (told, asked) = (told(known), asked(known));
    let pairs: HashSet<Pair<'_>> = told.keys().chain(asked.keys()).copied().collect();
    for pair in pairs {
        let told = told.get(&pair).map_or(&[][..], Vec::as_slice);
        let asked = asked.get(&pair).map_or(&[][..], Vec::as_slice);
        let (conversation, user) = pair;
        let acked = asked
            .iter()
            .filter(|step| step.done != Done::Ambiguous)
            .count();
        if told.len() < acked {
            let what =
                format!("{user} in {conversation}: {acked} steps acknowledged, told {told:?}");
            verdict.add(Kind::Lost, what);
        }
        let is_as_asked = |((_, joins), step): (&(i64, bool), &&Move)| *joins == step.joins;
        if told.len() > asked.len() || !told.iter().zip(asked).all(is_as_asked) {
            let what = format!("{user} in {conversation}: nobody asked for all of {told:?}");
            verdict.add(Kind::Invented, what);
        }
    }
}

/// Where notices are given at all, one for each coming and going.
fn notices(known: &Known<'_>, verdict: &mut Verdict) {
    let is_notice = |what: &What| matches!(what, What::Notice { .. });
    let are_given = known.events.values().any(|seen| is_notice(&seen.what));
    let mut owed: HashMap<&str, i64> = HashMap::new();
    for seen in known.events.values() {
        let owed = owed.entry(&seen.conversation).or_default();
        match &seen.what {
            What::Joined { .. } | What::Left { .. } => *owed += 1,
            What::Notice { .. } => {
                *owed -= 1;
                if *owed < 0 {
                    let what = format!("nobody came or went before the notice {seen:?}");
                    verdict.add(Kind::Invented, what);
                }
            }
            What::Message { .. } if are_given && *owed > 0 => {
                let what = format!("{owed} notices are missing before {seen:?}");
                verdict.add(Kind::Lost, what);
                *owed = 0;
            }
            _ => {}
        }
    }
}
