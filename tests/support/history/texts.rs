//! Checks of what messages say: what somebody wrote, and after an acknowledged edit or deletion nothing older.

use std::collections::HashMap;
use std::time::Duration;

use super::known::Known;
use super::{ANSWERED_ANYWAY, Done, Edit, Kind, Look, Moment, Page, Seen, Verdict, What};

/// In a quiet phase, the longest that an instance may take to apply what another has acknowledged.
const APPLIED: Duration = Duration::from_secs(2);

pub(super) fn check(known: &Known<'_>, verdict: &mut Verdict) {
    edits(known, verdict);
    let texts = Texts::of(known);
    let mut first: HashMap<(i64, Option<&str>), u64> = HashMap::new();
    for page in &known.history.pages {
        for seen in &page.events {
            let (Some(message), Some(look)) = (seen.message(), &seen.look) else {
                continue;
            };
            let bytes = first
                .entry((seen.position, look.text.as_deref()))
                .or_insert(look.bytes);
            let name = &known.history.followers[page.follower].name;
            if *bytes != look.bytes {
                let what = format!("{name} got {seen:?}, another the same text in other bytes");
                verdict.add(Kind::Differs, what);
            }
            if let Some((kind, problem)) = texts.judge(known, message, look, seen, page) {
                let place = format!("{:?} on instance {}", page.transport, page.instance);
                let when = format!("asked at {:?}, at {:?}", page.asked, page.at);
                verdict.add(
                    kind,
                    format!("{name}, {place}, {when}, {seen:?}: {problem}"),
                );
            }
        }
    }
}

/// Of each message: its changes, in the order in which they were asked for, which is one after the other. Only the last of
/// them may be of unknown fate.
fn asked<'h>(known: &Known<'h>) -> HashMap<&'h str, Vec<&'h Edit>> {
    let mut asked: HashMap<&str, Vec<&Edit>> = HashMap::new();
    for edit in &known.history.edits {
        if edit.done != Done::Failed {
            asked.entry(&edit.message).or_default().push(edit);
        }
    }
    asked
}

/// Of each message: where the log says that it was changed, and whether by its deletion.
fn told<'h>(known: &Known<'h>) -> HashMap<&'h str, Vec<(i64, bool)>> {
    let mut told: HashMap<&str, Vec<(i64, bool)>> = HashMap::new();
    for seen in known.events.values() {
        let (message, is_deletion) = match &seen.what {
            What::Edited { message } => (message, false),
            What::Deleted { message, .. } => (message, true),
            _ => continue,
        };
        told.entry(message)
            .or_default()
            .push((seen.position, is_deletion));
    }
    told
}

/// Each change with its place in the log, if anybody was told.
pub(super) fn placed<'h>(known: &Known<'h>) -> Vec<(&'h Edit, Option<i64>)> {
    let told = told(known);
    let mut placed = Vec::new();
    for (message, edits) in asked(known) {
        let places = told.get(message).map_or(&[][..], Vec::as_slice);
        let place = |n: usize| places.get(n).map(|(position, _)| *position);
        placed.extend(
            edits
                .into_iter()
                .enumerate()
                .map(|(n, edit)| (edit, place(n))),
        );
    }
    placed
}

/// Each acknowledged change is told once, and nothing else is.
fn edits(known: &Known<'_>, verdict: &mut Verdict) {
    let (mut told, asked) = (told(known), asked(known));
    for (message, asked) in asked {
        let told = told.remove(message).unwrap_or_default();
        let acked = asked
            .iter()
            .filter(|edit| edit.done != Done::Ambiguous)
            .count();
        if told.len() < acked {
            let what = format!("message {message}: {acked} changes acknowledged, told {told:?}");
            verdict.add(Kind::Lost, what);
        }
        let is_as_asked =
            |((_, deletes), edit): (&(i64, bool), &&Edit)| *deletes == edit.text.is_none();
        if told.len() > asked.len() || !told.iter().zip(&asked).all(is_as_asked) {
            let what = format!("message {message}: nobody asked for all of {told:?}");
            verdict.add(Kind::Invented, what);
        }
    }
    for (message, told) in told {
        verdict.add(
            Kind::Invented,
            format!("message {message}: nobody asked for {told:?}"),
        );
    }
}

/// What a message has said since a place in the log, and since an answer.
struct Version<'h> {
    text: Option<&'h str>,
    position: Option<i64>,
    invoked: Moment,
    /// By which instance, and when. None of the first: whoever sees the message sees that.
    acked: Option<(usize, Moment, Duration)>,
}

struct Texts<'h>(HashMap<&'h str, Vec<Version<'h>>>);

impl<'h> Texts<'h> {
    fn of(known: &Known<'h>) -> Self {
        let ids = known.ids();
        let mut texts: HashMap<&str, Vec<Version<'_>>> = HashMap::new();
        for send in &known.history.sends {
            if let Some(id) = ids.get(send.key.as_str()) {
                let first = Version {
                    text: Some(&send.text),
                    position: None,
                    invoked: send.invoked,
                    acked: None,
                };
                texts.insert(*id, vec![first]);
            }
        }
        for (edit, position) in placed(known) {
            let acked = match edit.done {
                Done::Acked { at, took } => Some((edit.instance, at, took)),
                Done::Failed | Done::Ambiguous => None,
            };
            texts
                .entry(edit.message.as_str())
                .or_default()
                .push(Version {
                    text: edit.text.as_deref(),
                    position,
                    invoked: edit.invoked,
                    acked,
                });
        }
        Self(texts)
    }

    fn judge(
        &self,
        known: &Known<'_>,
        message: &str,
        look: &Look,
        seen: &Seen,
        page: &Page,
    ) -> Option<(Kind, String)> {
        // That nobody sent it is said elsewhere.
        let versions = self.0.get(message)?;
        let is_it = |version: &&Version<'_>| version.text == look.text.as_deref();
        // Whoever writes the same twice changes nothing; the latest is the one that counts.
        let found = versions.iter().rposition(|version| is_it(&version));
        let Some(found) = found.filter(|n| versions[*n].invoked <= page.at) else {
            return Some((Kind::Invented, "nobody has written that".to_owned()));
        };
        let is_due = |version: &Version<'_>| {
            version
                .position
                .is_some_and(|position| position <= seen.position)
                || is_acknowledged(known, version, page)
        };
        let due = versions.iter().rposition(is_due).unwrap_or(0);
        (found < due).then(|| {
            let text = versions[due].text;
            (Kind::OldText, format!("it says {text:?} by now"))
        })
    }
}

/// Whether whoever asked for this page must be given that version, or a newer one.
fn is_acknowledged(known: &Known<'_>, version: &Version<'_>, page: &Page) -> bool {
    let (Some((instance, at, took)), Some(asked)) = (version.acked, page.asked) else {
        return false;
    };
    if instance == page.instance && took < ANSWERED_ANYWAY {
        return at < asked;
    }
    let mut quiet = known.history.quiet.iter();
    at + APPLIED < asked && quiet.any(|(begin, end)| *begin + APPLIED < asked && asked < *end)
}
