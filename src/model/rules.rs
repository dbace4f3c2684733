//! What a field may hold. A body checks itself and names every field that is not acceptable, not only the first.
//! Texts are checked, never changed: what is accepted is given back byte for byte.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Why a field was refused: stable, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FieldCode {
    Required,
    UnknownField,
    WrongType,
    Blank,
    TooLong,
    TooMany,
    TooFew,
    OutOfRange,
    NulCharacter,
    ControlCharacter,
    InvalidUrl,
    InvalidValue,
    UserUnknown,
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
}

impl Problems {
    /// Everything that is wrong with `body`; empty when it is acceptable.
    pub fn of(body: &impl Check) -> Vec<FieldProblem> {
        let mut problems = Self::default();
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

    fn over(&mut self, code: FieldCode, limit: usize) {
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

    /// An id from outside: 1–128 characters, no control characters.
    pub fn id(&mut self, text: &str) {
        self.line(text, 128);
    }

    /// One line of text: 1 to `max` characters, not only invisible ones, no control characters.
    pub fn line(&mut self, text: &str, max: usize) {
        if text.contains('\0') {
            self.add(FieldCode::NulCharacter);
        } else if text.chars().any(char::is_control) {
            self.add(FieldCode::ControlCharacter);
        } else {
            self.length(text, max);
        }
    }

    /// Text as people write it: 1 to `max` characters, line breaks allowed, no NUL (Postgres cannot store it).
    pub fn text(&mut self, text: &str, max: usize) {
        if text.contains('\0') {
            self.add(FieldCode::NulCharacter);
        } else {
            self.length(text, max);
        }
    }

    fn length(&mut self, text: &str, max: usize) {
        if text.chars().all(is_invisible) {
            self.add(FieldCode::Blank);
        } else if text.trim().chars().count() > max {
            self.over(FieldCode::TooLong, max);
        }
    }

    /// An absolute https URL without credentials, at most 2,048 characters. Parsed, never fetched.
    pub fn url(&mut self, text: &str) {
        // The parser forgives white space and control characters (and drops tabs from `java\tscript:`), and it reads
        // `https:a.jpg` as a host, where a browser reads an address beside its own page. We do neither.
        let blank = text.chars().any(|c| c.is_whitespace() || c.is_control());
        let absolute = text
            .get(..8)
            .is_some_and(|front| front.eq_ignore_ascii_case("https://"));
        match url::Url::parse(text) {
            _ if text.chars().count() > 2048 => self.over(FieldCode::TooLong, 2048),
            Ok(url)
                if !blank && absolute && url.username().is_empty() && url.password().is_none() => {}
            _ => self.add(FieldCode::InvalidUrl),
        }
    }

    /// A JSON object of at most 4 KiB, with no NUL in any of its texts.
    pub fn metadata(&mut self, value: &serde_json::Map<String, serde_json::Value>) {
        const MAX: usize = 4096;
        let text = serde_json::to_string(value).unwrap_or_default();
        if text.len() > MAX {
            self.over(FieldCode::TooLong, MAX);
        } else if value
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value))
        {
            self.add(FieldCode::NulCharacter);
        }
    }
}

/// Whether any text in it holds what Postgres cannot store.
fn has_nul(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::String(text) => text.contains('\0'),
        serde_json::Value::Array(items) => items.iter().any(has_nul),
        serde_json::Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// Blank to the eye: white space, and the characters that draw nothing.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}')
}

/// A path segment that should be an id of ours. Anything else is simply not found.
pub fn uuid(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.hyphenated().to_string() == text)
}
