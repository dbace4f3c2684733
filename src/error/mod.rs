//! The one error of the service: what a client may be told, and what only the log is told.

mod code;
mod problem;

use std::time::Duration;

pub use code::Code;
pub use problem::{FieldError, Locale, Problem, catch, count_refusals, stash};

use crate::model::{FieldCode, FieldProblem};

pub type Result<T> = std::result::Result<T, Error>;

/// An answer of 400 or above. Built where the failure is noticed, written as problem+json by its `Responder`,
/// which also logs the cause, once.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code:?}{}", cause.as_ref().map(|c| format!(": {c}")).unwrap_or_default())]
pub struct Error {
    pub code: Code,
    pub fields: Vec<FieldProblem>,
    pub retry_after: Option<Duration>,
    /// For the log alone: what a client is told never depends on it.
    pub cause: Option<String>,
}

impl From<Code> for Error {
    fn from(code: Code) -> Self {
        let retry_after = code
            .asks_to_retry()
            .then(|| Duration::from_millis(rand::random_range(2000..5000)));
        Self {
            code,
            fields: Vec::new(),
            retry_after,
            cause: None,
        }
    }
}

impl Error {
    /// 422, naming each field.
    pub fn invalid(fields: Vec<FieldProblem>) -> Self {
        Self {
            fields,
            ..Code::InvalidBody.into()
        }
    }

    /// 422 about one field of the body.
    pub fn field(pointer: impl Into<String>, code: FieldCode) -> Self {
        Self::invalid(vec![FieldProblem {
            pointer: pointer.into(),
            code,
            limit: None,
        }])
    }

    /// 400 about a query parameter.
    pub fn parameter(name: &str, code: FieldCode) -> Self {
        let fields = vec![FieldProblem {
            pointer: name.to_owned(),
            code,
            limit: None,
        }];
        Self {
            fields,
            ..Code::InvalidParameter.into()
        }
    }

    /// 429 or 503 until a time that is known.
    pub fn later(code: Code, wait: Duration) -> Self {
        // Whole milliseconds, never less: who comes back then is let in.
        let wait = Duration::from_millis(wait.as_nanos().div_ceil(1_000_000) as u64);
        Self {
            retry_after: Some(wait),
            ..code.into()
        }
    }

    pub fn because(self, cause: impl std::fmt::Display) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..self
        }
    }
}

/// SQLSTATE classes that say "the database, not the statement": the same request may well succeed in a moment.
/// 08 connection, 25P03 idle in transaction, 40 rollback, 53 resources, 55 lock not available, 57 intervention, 58 system.
fn is_passing(state: &str) -> bool {
    ["08", "25P03", "40", "53", "55", "57", "58"]
        .iter()
        .any(|class| state.starts_with(class))
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = match &error {
            sqlx::Error::Database(db) if db.code().is_some_and(|state| is_passing(&state)) => {
                Code::Unavailable
            }
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::Tls(_) => Code::Unavailable,
            // A connection that died half-way through an answer.
            sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => Code::Unavailable,
            _ => Code::Internal,
        };
        Self::from(code).because(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        // Its own words quote the value that does not fit, which may be what people said.
        let (kind, line, column) = (error.classify(), error.line(), error.column());
        Self::from(Code::Internal).because(format!("JSON: {kind:?} at {line}:{column}"))
    }
}
