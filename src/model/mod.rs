//! What the API speaks of: plain data, no SQL and no HTTP.

mod conversation;
mod cursor;
mod email;
mod ephemeral;
mod event;
mod export;
mod job;
mod message;
mod new_conversation;
mod notice;
mod notification;
mod object;
mod preferences;
mod reminder;
mod rules;
mod scheduled;
mod time;
mod trace;
mod user;

use std::sync::Arc;

pub use conversation::{
    Context, Conversation, ConversationType, Me, Member, MemberRole, MemberStatus,
};
pub use cursor::{Cursor, CursorError, Epoch, Position};
pub use email::{Email, EmailPayload, FilledTemplate, NewEmail, TemplateName, TemplateValues};
pub use ephemeral::{EphemeralState, Presence, PresenceStatus, Typing};
pub use event::{
    ConversationData, Delivery, DeliveryData, Event, EventKind, EventOf, EventRow, Frame,
    MemberData, MessageData, NotificationData, NotificationReadData, Receipt, ReceiptData,
    UserData,
};
pub use export::{ExportKind, ExportPlace, Exported};
pub use job::{Job, JobCount, JobKind, JobPage, JobState};
pub use message::{
    Attachment, EditedMessage, Message, MessageReceipt, MessageStatus, MessageType, NewAttachment,
    NewMessage, ReplyTo, Revision,
};
pub use new_conversation::{
    ChangedConversation, ChangedMember, MAX_MEMBERS, NewContext, NewConversation, NewMember,
    NewMembers,
};
pub use notice::{Language, Notice, NoticeType};
pub use notification::{Channel, NewNotification, Notification};
pub use object::{Object, list as list_of_objects};
pub use preferences::{
    ChangedPreferences, Channels, ClockTime, NotificationPreferences, QuietHours, TypeChannels,
};
pub use reminder::{NewReminder, Reminder, ReminderNotification, ReminderState};
pub use rules::{Check, FieldCode, FieldProblem, LinkHosts, Problems, in_nfc, uuid};
pub use scheduled::{Planned, ScheduledMessage};
pub use time::Time;
pub use trace::{HandedOut, Trace, TracedRecipient, Transport};
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
