//! What is true now and kept nowhere: who types, and who is there. Never in the log.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;

/// The whole present state of the caller's conversations, not changes. It moves no cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EphemeralState {
    /// Others who are typing; each in one conversation at a time. Nobody types in groups above 50 members.
    pub typing: Vec<Typing>,
    /// People the caller talks with who are ONLINE: of its 100 newest conversations those of at most 50 members, at most
    /// 500 people. Whoever is not here is OFFLINE, or to be asked for by `GET /v1/presence`.
    pub presence: Vec<Presence>,
}

/// Somebody is typing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Typing {
    pub conversation_id: Uuid,
    pub user_id: String,
    #[schema(required)]
    pub name: Option<String>,
}

/// Whether somebody is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    pub user_id: String,
    pub status: PresenceStatus,
    /// As far as it is known, which is up to a minute behind for somebody ONLINE; alone it changes no ETag. Null for
    /// whoever was never seen, or hides it.
    #[schema(required)]
    pub last_seen_at: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum PresenceStatus {
    Online,
    Offline,
}
