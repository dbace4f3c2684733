//! What the API speaks of: plain data, no SQL and no HTTP.

mod conversation;
mod cursor;
mod event;
mod message;
mod rules;
mod time;
mod user;

use std::sync::Arc;

pub use conversation::{
    Context, Conversation, ConversationType, MAX_MEMBERS, Me, Member, MemberRole, MemberStatus,
    NewConversation, NewMember,
};
pub use cursor::{Cursor, CursorError, Epoch, Position};
pub use event::{
    ConversationData, Event, EventKind, EventOf, EventRow, Frame, MessageData, Receipt,
    ReceiptData, UserData,
};
pub use message::{Attachment, Message, MessageType, NewAttachment, NewMessage};
pub use rules::{Check, FieldCode, FieldProblem, Problems, uuid};
pub use time::Time;
pub use user::{Account, Preferences, Profile, User};

/// One person of one tenant: the key of everything that is per user. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserKey {
    pub tenant: Arc<str>,
    pub id: Arc<str>,
}

impl UserKey {
    pub fn new(tenant: &str, id: &str) -> Self {
        Self {
            tenant: tenant.into(),
            id: id.into(),
        }
    }
}
