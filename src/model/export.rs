//! What is handed out of everything that is kept of one person.

use serde::Serialize;
use serde_json::{Map, Value};
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
    Receipt "receipt",
    Presence "presence",
    Revocation "revocation",
    Ticket "ticket",
    Handout "handout",
    Erasure "erasure",
    Event "event",
}

/// Where a page begins: a part, and the key of the row before; empty = from its first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportPlace {
    pub kind: ExportKind,
    pub after: String,
}

impl ExportKind {
    pub fn at(self, after: String) -> ExportPlace {
        ExportPlace { kind: self, after }
    }

    /// The part after this one.
    pub fn next(self) -> Option<ExportPlace> {
        let mut rest = Self::ALL.iter().skip_while(|kind| **kind != self).skip(1);
        rest.next().map(|kind| kind.at(String::new()))
    }
}

impl ExportPlace {
    pub fn first() -> Self {
        ExportKind::Profile.at(String::new())
    }

    /// `message:KEY`: what a `pageToken` stands for. Keys are made of digits, letters, `-` and `/`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, after) = text.split_once(':')?;
        let kind = ExportKind::ALL.iter().find(|kind| kind.as_str() == name)?;
        let parts: Vec<&str> = after.split('/').collect();
        let number = |at: usize| {
            parts
                .get(at)
                .is_some_and(|part| part.parse::<i64>().is_ok())
        };
        let id = || {
            parts
                .first()
                .is_some_and(|part| super::uuid(part).is_some())
        };
        let is_sound = after.is_empty()
            || match kind {
                ExportKind::Membership | ExportKind::Message => {
                    parts.len() == 2 && id() && number(1)
                }
                ExportKind::Receipt => parts.len() == 3 && id() && number(2),
                ExportKind::Handout => parts.len() == 3 && number(1) && number(2),
                ExportKind::Ticket => {
                    after.len() == 64 && after.bytes().all(|byte| byte.is_ascii_hexdigit())
                }
                ExportKind::Erasure | ExportKind::Event => parts.len() == 1 && number(0),
                ExportKind::Profile | ExportKind::Presence | ExportKind::Revocation => false,
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
    pub fn new(kind: ExportKind, row: Value) -> Self {
        let data = match row {
            Value::Object(columns) => Value::Object(renamed(columns)),
            other => other,
        };
        Self { kind, data }
    }
}

/// The columns of a row, and of the rows inside `revisions`. What people wrote inside a value stays as it is.
fn renamed(columns: Map<String, Value>) -> Map<String, Value> {
    let rows = |(name, value): (String, Value)| match value {
        Value::Array(rows) if name == "revisions" => {
            let of_row = |row| match row {
                Value::Object(columns) => Value::Object(renamed(columns)),
                other => other,
            };
            (name, Value::Array(rows.into_iter().map(of_row).collect()))
        }
        value => (camel(&name), value),
    };
    columns.into_iter().map(rows).collect()
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
        for place in [
            ExportPlace::first(),
            ExportKind::Message.at(format!("{id}/12")),
            ExportKind::Receipt.at(format!("{id}/READ/12")),
            ExportKind::Handout.at("LONG_POLL/4/2".to_owned()),
            ExportKind::Ticket.at("0a".repeat(32)),
            ExportKind::Event.at("7".to_owned()),
        ] {
            assert_eq!(ExportPlace::parse(&place.token()), Some(place));
        }
        for token in [
            "",
            "message",
            "else:1",
            "profile:x",
            "message:1/2",
            "event:x",
            "ticket:zz",
        ] {
            assert_eq!(ExportPlace::parse(token), None, "{token}");
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
