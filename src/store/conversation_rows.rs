//! A conversation as SQL gives it: the columns every query shares, and from rows to model types.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::message_rows::MessageRow;
use super::receipts::PUBLIC_RECEIPTS;
use crate::model::{
    Context, Conversation, ConversationType, Me, Member, MemberRole, MemberStatus, Message,
    MessageStatus, Position, Time, User,
};

/// A member as others see it: of `p`, an interval, and `u`, its user.
macro_rules! member_columns {
    () => {
        concat!("p.role, p.joined_at, p.shown_up_to, p.shown_at, greatest(p.shown_up_to, p.delivered_up_to) as delivered_up_to, ",
                user_json!("u", "p.joined_position"), " as user")
    };
}

/// A conversation as everybody sees it. `$members` says which intervals count: those open now, or at a position. A PRIVATE
/// one is its two people's for good: nobody leaves it but who is erased, and the other goes on seeing that it was somebody.
macro_rules! conversation_columns {
    ($members:literal) => {
        concat!("c.id, c.type, c.subject, c.context_type, c.context_id, c.context, c.organization_id, c.closed, c.metadata,
                 c.created_at, c.updated_at, c.activity_position, c.last_message_at,
                 (select coalesce(jsonb_agg(to_jsonb(p)), '[]') from (
                     select ", member_columns!(), "
                       from members p join users u on u.tenant_id = p.tenant_id and u.id = p.user_id
                      where p.tenant_id = c.tenant_id and p.conversation_id = c.id and ", $members, "
                      order by p.joined_position, p.user_id limit 100) p) as members,
                 (select count(*) from members p where p.tenant_id = c.tenant_id and p.conversation_id = c.id and ", $members, ") as member_count")
    };
}

/// A conversation as one member sees it. `m` is the member's open interval.
macro_rules! view_columns {
    () => {
        concat!("m.role as my_role, m.user_id as my_id, m.read_up_to as my_read_up_to, c.last_seq <= coalesce(m.archived_up_to, -1) as is_archived, n.unread, r.others, r.reads, r.deliveries,
                 (select to_jsonb(l) from (select ", message_columns!(), "
                    from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
                   where x.tenant_id = c.tenant_id and x.conversation_id = c.id and x.seq = c.last_seq) l) as last_message")
    };
}

/// Whether a message `x` of `s` is unread by a member's open interval `m`: others' visible ones after the horizon, notices
/// excepted.
macro_rules! is_unread {
    () => {
        concat!(
            "x.seq > greatest(m.read_up_to, coalesce(m.deleted_up_to, 0))
              and x.sender_id is distinct from m.user_id and not ",
            gone!(),
            " and x.notice is null"
        )
    };
}

/// How many messages are unread by a member's open interval `m`.
macro_rules! unread_lateral {
    () => {
        concat!("cross join lateral (select count(*) as unread from messages x left join users s on s.tenant_id = x.tenant_id and s.id = x.sender_id
            where c.last_seq > m.read_up_to and x.tenant_id = c.tenant_id and x.conversation_id = c.id
              and ", is_unread!(), ") n")
    };
}

/// How far everybody else in `c` has come, in the order of three lists; of more than 19 others, of some.
macro_rules! reach_lateral {
    () => {
        "cross join lateral (
            select array_agg(o.joined_at) as others, array_agg(o.shown_up_to) as reads, array_agg(greatest(o.shown_up_to, o.delivered_up_to)) as deliveries
              from (select o.joined_at, case when u.receipts_off then 0 else o.shown_up_to end as shown_up_to,
                           case when u.receipts_off then 0 else o.delivered_up_to end as delivered_up_to
                      from members o join users u on u.tenant_id = o.tenant_id and u.id = o.user_id
                     where o.tenant_id = c.tenant_id and o.conversation_id = c.id and o.user_id <> m.user_id
                       and o.left_position is null limit 20) o) r"
    };
}
pub(super) use {
    conversation_columns, is_unread, member_columns, reach_lateral, unread_lateral, view_columns,
};

/// The row of `reach_lateral`: null where nobody else is.
#[derive(Debug, Clone, Default, sqlx::FromRow)]
pub(super) struct Reach {
    others: Option<Vec<DateTime<Utc>>>,
    reads: Option<Vec<i64>>,
    deliveries: Option<Vec<i64>>,
}

impl Reach {
    /// Says of a viewer's own messages how far they have come with those who were there when they were sent. Receipts of
    /// larger groups are nobody else's.
    pub(super) fn mark(&self, message: &mut Message, me: &str) {
        let is_own = message
            .sender
            .as_ref()
            .is_some_and(|sender| sender.id == me);
        if !is_own || message.is_deleted {
            return;
        }
        let others = self.others.as_deref().unwrap_or_default();
        let all = |horizons: &Option<Vec<i64>>| {
            let horizons = others.iter().zip(horizons.iter().flatten());
            let mut of_recipients = horizons
                .filter(|(joined, _)| **joined <= message.created_at.0)
                .map(|(_, up_to)| *up_to)
                .peekable();
            of_recipients.peek().is_some() && of_recipients.all(|up_to| up_to >= message.seq)
        };
        let is_told = (others.len() as i64) < PUBLIC_RECEIPTS;
        message.status = Some(match () {
            () if is_told && all(&self.reads) => MessageStatus::Read,
            () if is_told && all(&self.deliveries) => MessageStatus::Delivered,
            () => MessageStatus::Sent,
        });
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ConversationRow {
    id: Uuid,
    r#type: ConversationType,
    subject: Option<String>,
    context_type: Option<String>,
    context_id: Option<String>,
    context: Option<Value>,
    organization_id: Option<String>,
    closed: bool,
    metadata: Value,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    pub(super) activity_position: Position,
    last_message_at: Option<DateTime<Utc>>,
    #[sqlx(json)]
    members: Vec<MemberRow>,
    member_count: i64,
}

/// A member as others see it: the row of `members.at_positions` and `members.list` too.
#[derive(Deserialize, sqlx::FromRow)]
pub(super) struct MemberRow {
    #[sqlx(json)]
    pub(super) user: User,
    role: MemberRole,
    joined_at: DateTime<Utc>,
    shown_up_to: i64,
    shown_at: Option<DateTime<Utc>>,
    delivered_up_to: i64,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        Self {
            user: row.user,
            role: row.role,
            joined_at: Time(row.joined_at),
            read_up_to: row.shown_up_to,
            read_at: row.shown_at.map(Time),
            delivered_up_to: row.delivered_up_to,
        }
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct ViewedRow {
    #[sqlx(flatten)]
    pub(super) conversation: ConversationRow,
    my_role: MemberRole,
    my_read_up_to: i64,
    is_archived: bool,
    unread: i64,
    #[sqlx(flatten)]
    reach: Reach,
    my_id: String,
    #[sqlx(json(nullable))]
    last_message: Option<MessageRow>,
}

impl From<ConversationRow> for Conversation {
    fn from(row: ConversationRow) -> Self {
        let text = |key: &str| {
            row.context
                .as_ref()
                .and_then(|c| c.get(key))
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let context = row
            .context_type
            .clone()
            .zip(row.context_id.clone())
            .map(|(r#type, id)| Context {
                r#type,
                id,
                title: text("title"),
                url: text("url"),
                image_url: text("imageUrl"),
                starts_at: text("startsAt").and_then(|t| t.parse().ok()).map(Time),
            });
        Self {
            id: row.id,
            r#type: row.r#type,
            subject: row.subject,
            context,
            organization_id: row.organization_id,
            closed: row.closed,
            members: row.members.into_iter().map(Member::from).collect(),
            member_count: row.member_count,
            last_message: None,
            last_message_at: None,
            me: None,
            metadata: row.metadata,
            created_at: Time(row.created_at),
            updated_at: Time(row.updated_at),
            activity_position: row.activity_position,
        }
    }
}

impl From<ViewedRow> for Conversation {
    fn from(row: ViewedRow) -> Self {
        let me = Me {
            role: row.my_role,
            status: if row.is_archived {
                MemberStatus::Archived
            } else {
                MemberStatus::Active
            },
            unread_count: row.unread,
            read_up_to: row.my_read_up_to,
        };
        let last_message_at = row.conversation.last_message_at.map(Time);
        let mut last_message = row.last_message.map(Message::from);
        if let Some(message) = &mut last_message {
            row.reach.mark(message, &row.my_id);
        }
        Self {
            last_message: Some(last_message),
            last_message_at: Some(last_message_at),
            me: Some(me),
            ..row.conversation.into()
        }
    }
}
