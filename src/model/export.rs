//! What is handed out of everything that is kept of one person.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

macro_rules! kinds {
    ($($kind:ident $name:literal),* $(,)?) => {
        /// The parts of an export, in their order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum ExportKind { $($kind),* }

        impl ExportKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }
        }
    };
}

kinds! {
    Profile "profile",
    Membership "membership",
    Message "message",
    Revision "revision",
    Receipt "receipt",
    Notification "notification",
    Reminder "reminder",
    Preferences "preferences",
    Digest "digest",
    Presence "presence",
    Revocation "revocation",
    Ticket "ticket",
    Handout "handout",
    Job "job",
    Erasure "erasure",
    Event "event",
}

/// Where a page begins: a part, and the key of the row before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPlace {
    pub kind: ExportKind,
    pub after: String,
}

/// Of the numbers in a key: the store adds to them. Positions and `seq` never come near.
const HIGHEST: i64 = i64::MAX / 2;

impl ExportKind {
    pub fn at(self, after: String) -> ExportPlace {
        ExportPlace { kind: self, after }
    }

    /// Below each key there is: so that a first page is found by the index as the others are. Positions and `seq` begin
    /// with 1. Of some parts there is one row, and no other page.
    fn start(self) -> ExportPlace {
        let lowest = match self {
            Self::Profile
            | Self::Preferences
            | Self::Presence
            | Self::Revocation
            | Self::Ticket => "",
            Self::Notification | Self::Reminder => "00000000-0000-0000-0000-000000000000",
            Self::Membership | Self::Message | Self::Revision => {
                "00000000-0000-0000-0000-000000000000/0"
            }
            Self::Receipt => "00000000-0000-0000-0000-000000000000//0",
            Self::Job | Self::Digest => "00000000-0000-0000-0000-000000000000",
            Self::Handout => "/0/0",
            Self::Erasure | Self::Event => "0",
        };
        self.at(lowest.to_owned())
    }

    /// The part after this one.
    pub fn next(self) -> Option<ExportPlace> {
        let mut rest = Self::ALL.iter().skip_while(|kind| **kind != self).skip(1);
        rest.next().map(|kind| kind.start())
    }
}

impl ExportPlace {
    pub fn first() -> Self {
        ExportKind::Profile.start()
    }

    /// `message:KEY`: what a `pageToken` stands for. Keys are made of digits, letters, `-`, `_` and `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, after) = text.split_once(':')?;
        let kind = ExportKind::ALL.iter().find(|kind| kind.as_str() == name)?;
        let id = |part: &str| super::uuid(part).is_some();
        let word = |part: &str| part.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let number = |part: &str| matches!(part.parse::<i64>(), Ok(number) if (0..=HIGHEST).contains(&number));
        let parts: Vec<&str> = after.split('/').collect();
        let is_sound = match (kind, parts.as_slice()) {
            (
                ExportKind::Profile
                | ExportKind::Preferences
                | ExportKind::Presence
                | ExportKind::Revocation,
                [one],
            ) => one.is_empty(),
            (ExportKind::Membership | ExportKind::Message | ExportKind::Revision, [of, at]) => {
                id(of) && number(at)
            }
            (ExportKind::Receipt, [of, status, at]) => id(of) && word(status) && number(at),
            (ExportKind::Notification | ExportKind::Reminder, [one]) => id(one),
            (ExportKind::Handout, [transport, up_to, after]) => {
                word(transport) && number(up_to) && number(after)
            }
            (ExportKind::Ticket, [hash]) => {
                [0, 64].contains(&hash.len()) && hash.bytes().all(|b| b.is_ascii_hexdigit())
            }
            (ExportKind::Job | ExportKind::Digest, [of]) => id(of),
            (ExportKind::Erasure | ExportKind::Event, [at]) => number(at),
            _ => false,
        };
        is_sound.then(|| kind.at(after.to_owned()))
    }

    pub fn token(&self) -> String {
        format!("{}:{}", self.kind.as_str(), self.after)
    }
}

/// One row of what is kept, as it is kept: its columns in camelCase.
#[derive(Debug, Serialize, ToSchema)]
pub struct Exported {
    pub kind: ExportKind,
    #[schema(value_type = Object)]
    pub data: Value,
}

impl Exported {
    /// What people wrote inside a column stays as it is.
    pub fn new(kind: ExportKind, row: Value) -> Self {
        let data = match row {
            Value::Object(columns) => {
                let named = columns
                    .into_iter()
                    .map(|(name, value)| (camel(&name), value));
                Value::Object(named.collect())
            }
            other => other,
        };
        Self { kind, data }
    }
}

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut all, word| {
        let mut letters = word.chars();
        all.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        all.push_str(letters.as_str());
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_token_comes_back_as_it_went_and_no_other_is_taken() {
        let id = "01980000-0000-7000-8000-000000000000";
        let starts = ExportKind::ALL.iter().map(|kind| kind.start());
        let keys = [
            ExportKind::Message.at(format!("{id}/12")),
            ExportKind::Revision.at(format!("{id}/12")),
            ExportKind::Receipt.at(format!("{id}/READ/12")),
            ExportKind::Handout.at("LONG_POLL/4/2".to_owned()),
            ExportKind::Ticket.at("0a".repeat(32)),
            ExportKind::Job.at(id.to_owned()),
            ExportKind::Event.at("7".to_owned()),
        ];
        for place in starts.chain(keys) {
            assert_eq!(ExportPlace::parse(&place.token()), Some(place));
        }
        for token in [
            "",
            "message",
            "else:1",
            "profile:x",
            "message:",
            "message:1/2",
            "event:x",
            "event:1/2",
            "ticket:zz",
        ] {
            assert_eq!(ExportPlace::parse(token), None, "{token}");
        }
    }

    #[test]
    fn a_number_that_no_row_has_is_no_place() {
        let id = "01980000-0000-7000-8000-000000000000";
        for number in [
            "-1",
            "9223372036854775807",
            "9223372036854775808",
            "1.5",
            "",
        ] {
            for token in [
                format!("membership:{id}/{number}"),
                format!("message:{id}/{number}"),
                format!("revision:{id}/{number}"),
                format!("receipt:{id}/READ/{number}"),
                format!("handout:POLL/{number}/1"),
                format!("handout:POLL/1/{number}"),
                format!("erasure:{number}"),
                format!("event:{number}"),
            ] {
                assert_eq!(ExportPlace::parse(&token), None, "{token}");
            }
        }
    }

    #[test]
    fn every_part_follows_another() {
        let mut place = Some(ExportPlace::first());
        let parts = std::iter::from_fn(|| {
            let here = place.take()?;
            place = here.kind.next();
            Some(here.kind)
        });
        assert_eq!(parts.collect::<Vec<_>>(), ExportKind::ALL);
    }
}
