//! Work that is done later, or again until it succeeds.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$of:meta])* $name:ident $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        // Not by the literals: the description of the API would not see them.
        #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
        pub enum $type { $($(#[$of])* $name),* }

        impl $type {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }

        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let mut all = Self::ALL.iter().copied();
                all.find(|one| one.as_str() == text).ok_or(text)
            }
        }
    };
}

pub(super) use names;

names! {
    /// What a job does.
    JobKind {
        /// Sends a message that was written with `deliverAt`.
        Message "MESSAGE",
        /// Sends an e-mail.
        Email "EMAIL",
        /// Shows a notification that was made with `deliverAt`.
        Notification "NOTIFICATION",
        /// Looks whether a person is to be told of unread messages, and puts the e-mail.
        Digest "DIGEST",
        /// Of no tenant: goes through the log for messages that stay unread.
        UnreadSweep "UNREAD_SWEEP",
        /// Reminds people of what the host wanted them reminded of.
        Reminder "REMINDER",
    }
}

names! {
    /// How far a job has come.
    JobState {
        Waiting "WAITING",
        Running "RUNNING",
        Done "DONE",
        /// Failed for good: kept until somebody tries it again or it is too old.
        Dead "DEAD",
        Cancelled "CANCELLED",
    }
}

/// One job, without what it is about: that is between it and whoever put it.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    pub id: Uuid,
    #[sqlx(try_from = "String")]
    pub kind: JobKind,
    #[sqlx(try_from = "String")]
    pub state: JobState,
    /// Whose it is, where it is one person's.
    #[schema(required)]
    pub user_id: Option<String>,
    /// Not before.
    pub run_at: Time,
    /// Begun so many times.
    pub attempts: i32,
    pub max_attempts: i32,
    /// Of the newest attempt that failed, or why it was given up.
    #[schema(required)]
    pub error: Option<String>,
    pub created_at: Time,
    #[schema(required)]
    pub finished_at: Option<Time>,
}

/// How many of a kind are how far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema, sqlx::FromRow)]
pub struct JobCount {
    #[sqlx(try_from = "String")]
    pub kind: JobKind,
    #[sqlx(try_from = "String")]
    pub state: JobState,
    pub count: i64,
}

/// The queue of a tenant, and a page of its jobs, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPage {
    /// Of all jobs, whatever the page is asked for; those that are not named are none.
    pub counts: Vec<JobCount>,
    /// For how many seconds the oldest job has been due that nobody has begun. Null: none is due.
    #[schema(required)]
    pub oldest_due_seconds: Option<f64>,
    pub items: Vec<Job>,
    pub has_more: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_json_and_in_the_table() {
        for kind in JobKind::ALL {
            assert_eq!(serde_json::json!(kind), kind.as_str());
            assert_eq!(JobKind::try_from(kind.as_str().to_owned()), Ok(*kind));
        }
        for state in JobState::ALL {
            assert_eq!(serde_json::json!(state), state.as_str());
        }
    }
}
