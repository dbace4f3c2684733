//! Work that is done later, or again until it succeeds.

use serde::Serialize;
use utoipa::ToSchema;

macro_rules! names {
    ($(#[$doc:meta])* $type:ident { $($(#[$of:meta])* $name:ident $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
        // For the description, which does not see the names below.
        #[serde(rename_all = "UPPERCASE")]
        pub enum $type { $($(#[$of])* #[serde(rename = $text)] $name),* }

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

names! {
    /// What a job does.
    JobKind {
        /// Sends a message that was written with `deliverAt`.
        Message "MESSAGE",
        /// Sends an e-mail.
        Email "EMAIL",
        /// Shows a notification that was made with `deliverAt`.
        Notification "NOTIFICATION",
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
