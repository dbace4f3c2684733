//! What is shown of conversations and messages: as the world has it, and the same parts of an answer.

use serde_json::{Value, json};

use super::world::{By, Conversation, Message, PUBLIC, Stretch, World};

/// How much of a message an answer to it shows.
const EXCERPT: usize = 140;

impl World {
    /// A message, to one of the people; none = as events show it, to everybody alike.
    pub fn message(&self, message: usize, viewer: Option<usize>) -> Value {
        let of = &self.messages[message];
        let mut shown = json!({
            "seq": of.seq,
            "sender": of.sender.map(|sender| self.person_id(sender)),
            "content": of.text,
            "isEdited": of.is_edited,
            "isDeleted": of.is_deleted(),
            "notice": of.notice.as_ref().filter(|_| !of.is_deleted()),
            "replyTo": of.reply_to.filter(|_| !of.is_deleted()).map(|quoted| self.quoted(quoted)),
        });
        if let Some(viewer) = viewer.filter(|viewer| of.sender == Some(*viewer) && !of.is_deleted())
        {
            let conversation = &self.conversations[of.conversation];
            let is_read = self.is_read_by_all(conversation, viewer, of);
            shown["isRead"] = is_read.into();
        }
        shown
    }

    /// By those who are there still and were there then; whoever turned receipts off is not known to have.
    fn is_read_by_all(&self, conversation: &Conversation, sender: usize, of: &Message) -> bool {
        let others = || conversation.current().filter(|s| s.person != sender);
        let mut recipients = others().filter(|s| s.joined <= of.created).peekable();
        let has_read = |s: &Stretch| s.shown >= of.seq && !self.people[s.person].receipts_off;
        others().count() < PUBLIC && recipients.peek().is_some() && recipients.all(has_read)
    }

    fn quoted(&self, message: usize) -> Value {
        let of = &self.messages[message];
        let excerpt = of
            .text
            .as_ref()
            .map(|text| text.chars().take(EXCERPT).collect::<String>());
        json!({ "seq": of.seq, "excerpt": excerpt, "isDeleted": of.is_deleted() })
    }

    /// A member as others see it.
    fn shown_member(&self, stretch: &Stretch) -> Value {
        json!({
            "id": self.person_id(stretch.person),
            "name": self.people[stretch.person].name,
            "role": role(stretch.is_admin),
            "readUpTo": stretch.shown,
        })
    }

    /// Those who are in it now, in order of joining.
    pub fn members(&self, conversation: usize) -> Vec<Value> {
        self.members_of(self.conversations[conversation].current().collect())
    }

    /// Those who were in it at a place in the log, as they are now.
    pub fn members_at(&self, conversation: usize, at: usize) -> Vec<Value> {
        let all = self.conversations[conversation].stretches.iter();
        self.members_of(
            all.filter(|s| s.joined <= at && s.left.is_none_or(|left| at <= left))
                .collect(),
        )
    }

    fn members_of(&self, mut stretches: Vec<&Stretch>) -> Vec<Value> {
        stretches.sort_by_key(|s| (s.joined, self.person_id(s.person)));
        stretches
            .into_iter()
            .map(|s| self.shown_member(s))
            .collect()
    }

    /// What everybody sees of a conversation, its members excepted.
    pub fn described(&self, conversation: usize) -> Value {
        let of = &self.conversations[conversation];
        json!({
            "id": of.id,
            "type": if of.is_group { "GROUP" } else { "PRIVATE" },
            "subject": of.subject,
            "closed": of.closed,
            "metadata": of.metadata,
        })
    }

    /// A conversation in an answer. The backend is shown neither its messages nor a side of its own.
    pub fn conversation(&self, conversation: usize, by: By) -> Value {
        let of = &self.conversations[conversation];
        let mut shown = self.described(conversation);
        shown["members"] = self.members(conversation).into();
        shown["memberCount"] = of.current().count().into();
        let By::Person(viewer) = by else { return shown };
        shown["lastMessage"] = of
            .messages
            .last()
            .map_or(Value::Null, |m| self.message(*m, Some(viewer)));
        shown["me"] = of.stretch(viewer).map_or(Value::Null, |stretch| {
            json!({
                "role": role(stretch.is_admin),
                "status": if of.is_archived(stretch) { "ARCHIVED" } else { "ACTIVE" },
                "unreadCount": self.unread(stretch, conversation),
                "readUpTo": stretch.read,
            })
        });
        shown
    }
}

pub fn role(is_admin: bool) -> &'static str {
    if is_admin { "ADMIN" } else { "MEMBER" }
}

/// The parts of a message that the world knows of.
pub fn of_message(answer: &Value) -> Value {
    if answer.is_null() {
        return Value::Null;
    }
    let is_notice = !answer["notice"].is_null();
    let is_changed = !answer["editedAt"].is_null() || answer["content"].is_null();
    let quoted = &answer["replyTo"];
    let quoted = (!quoted.is_null())
        .then(|| json!({ "seq": quoted["seq"], "excerpt": worded(&quoted["excerpt"]), "isDeleted": quoted["isDeleted"] }));
    let content = if is_notice && !is_changed {
        json!("?")
    } else {
        answer["content"].clone()
    };
    let mut shown = json!({
        "seq": answer["seq"],
        "sender": answer["sender"].get("id"),
        "content": content,
        "isEdited": !answer["editedAt"].is_null(),
        "isDeleted": answer["isDeleted"],
        "notice": answer["notice"],
        "replyTo": quoted,
    });
    if let Some(status) = answer.get("status") {
        shown["isRead"] = (status == "READ").into();
    }
    shown
}

/// What the service words has no number.
fn worded(text: &Value) -> Value {
    match text.as_str() {
        Some(words) if !words.starts_with("[[") => json!("?"),
        _ => text.clone(),
    }
}

pub fn of_member(answer: &Value) -> Value {
    json!({
        "id": answer["user"]["id"],
        "name": answer["user"]["name"],
        "role": answer["role"],
        "readUpTo": answer["readUpTo"],
    })
}

pub fn of_members(answer: &Value) -> Vec<Value> {
    answer
        .as_array()
        .map(|all| all.iter().map(of_member).collect())
        .unwrap_or_default()
}

/// What everybody sees of a conversation, its members excepted.
pub fn of_description(answer: &Value) -> Value {
    let parts = ["id", "type", "subject", "closed", "metadata"];
    parts
        .iter()
        .map(|part| ((*part).to_owned(), answer[part].clone()))
        .collect()
}

pub fn of_conversation(answer: &Value) -> Value {
    let mut shown = of_description(answer);
    shown["members"] = of_members(&answer["members"]).into();
    shown["memberCount"] = answer["memberCount"].clone();
    if let Some(message) = answer.get("lastMessage") {
        shown["lastMessage"] = of_message(message);
    }
    if let Some(me) = answer.get("me") {
        shown["me"] = me.clone();
    }
    shown
}

/// Where two of them differ first.
pub fn difference(expected: &Value, answered: &Value) -> Option<String> {
    if expected == answered {
        return None;
    }
    if let (Some(expected), Some(answered)) = (expected.as_object(), answered.as_object()) {
        let mut keys = expected.keys().chain(answered.keys());
        let null = Value::Null;
        return keys.find_map(|key| {
            let (a, b) = (
                expected.get(key).unwrap_or(&null),
                answered.get(key).unwrap_or(&null),
            );
            Some(format!("{key}: {}", difference(a, b)?))
        });
    }
    Some(format!("expected {expected}, is {answered}"))
}
