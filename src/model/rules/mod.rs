//! What a field may hold. A body checks itself and names every field that is not acceptable, not only the first.
//! Texts are checked, never changed: what is accepted is given back byte for byte. The one exception are the names that
//! people see, which are kept in NFC (`text`).

mod email;
mod links;
mod metadata;
mod paths;
mod text;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

pub use links::LinkHosts;
pub use metadata::unambiguous;
pub use text::{in_nfc, nfc, nfc_or_null, nfc_text, one_line};

/// Why a field was refused: stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldCode {
    Required,
    UnknownField,
    DuplicateField,
    WrongType,
    Blank,
    TooLong,
    TooMany,
    TooFew,
    TooDeep,
    OutOfRange,
    NulCharacter,
    LoneSurrogate,
    ControlCharacter,
    LineBreak,
    BidiControl,
    InvalidUrl,
    InvalidEmail,
    HostNotAllowed,
    InvalidValue,
    UserUnknown,
    EmailUnknown,
    MessageUnknown,
    OrganizationUnknown,
}

/// One field that is not acceptable, by JSON pointer (RFC 6901) into the body, or the name of a query parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    pub pointer: String,
    pub code: FieldCode,
    /// The bound that was passed, where there is one.
    pub limit: Option<usize>,
}

/// A body that knows what it may hold.
pub trait Check: Sized {
    /// Almost every body is one.
    const IS_OBJECT: bool = true;

    fn check(&self, problems: &mut Problems);

    /// What no body at all means, where it means something.
    fn when_empty() -> Option<Self> {
        None
    }
}

/// Collects what is wrong, with the path to where the check stands.
#[derive(Debug, Default)]
pub struct Problems {
    path: Vec<String>,
    found: Vec<FieldProblem>,
    links: LinkHosts,
}

impl Problems {
    /// Everything that is wrong with `body`, which may link to `links`; empty when it is acceptable.
    pub fn of(body: &impl Check, links: &LinkHosts) -> Vec<FieldProblem> {
        let mut problems = Self {
            links: links.clone(),
            ..Self::default()
        };
        body.check(&mut problems);
        problems.found
    }

    /// What is wrong with an id from outside that stands alone, in a path or a query; none when it is acceptable.
    pub fn of_id(text: &str) -> Option<FieldCode> {
        let mut problems = Self::default();
        problems.id(text);
        problems.found.first().map(|problem| problem.code)
    }

    pub fn add(&mut self, code: FieldCode) {
        self.found.push(FieldProblem {
            pointer: self.pointer(),
            code,
            limit: None,
        });
    }

    pub(super) fn over(&mut self, code: FieldCode, limit: usize) {
        self.found.push(FieldProblem {
            pointer: self.pointer(),
            code,
            limit: Some(limit),
        });
    }

    fn pointer(&self) -> String {
        self.path
            .iter()
            .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
            .collect()
    }

    /// Runs `check` with the path one step deeper.
    pub fn at(&mut self, step: impl ToString, check: impl FnOnce(&mut Self)) {
        self.path.push(step.to_string());
        check(self);
        self.path.pop();
    }

    pub fn optional<T: ?Sized>(
        &mut self,
        step: &str,
        value: Option<&T>,
        check: impl FnOnce(&mut Self, &T),
    ) {
        if let Some(value) = value {
            self.at(step, |p| check(p, value));
        }
    }

    /// A list of at most `max`, each item checked at its index.
    pub fn list<T: Check>(&mut self, step: &str, items: &[T], max: usize) {
        self.at(step, |p| {
            if items.len() > max {
                return p.over(FieldCode::TooMany, max);
            }
            for (i, item) in items.iter().enumerate() {
                p.at(i, |p| item.check(p));
            }
        });
    }
}

/// A path segment that should be an id of ours. Anything else is simply not found.
pub fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.hyphenated().to_string() == text)
}
