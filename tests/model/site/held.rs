//! What a device holds of one conversation, and how events change it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::view::{of_description, of_member, of_message};

/// What a device holds of one conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    description: Value,
    pub members: BTreeMap<String, Value>,
    /// As it came, with the ids by which it changes.
    last: Value,
    pub me: Value,
    /// Its place in the list: the newest activity first.
    pub at: String,
}

impl Held {
    pub fn of(conversation: &Value) -> Self {
        let members = conversation["members"].as_array().into_iter().flatten();
        let members = members.map(|m| (text(&m["user"]["id"]), of_member(m)));
        let at = [&conversation["lastMessageAt"], &conversation["createdAt"]];
        Self {
            description: of_description(conversation),
            members: members.collect(),
            last: conversation.get("lastMessage").cloned().unwrap_or_default(),
            me: conversation.get("me").cloned().unwrap_or_default(),
            at: at
                .into_iter()
                .find_map(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        }
    }

    /// Of an event, which is everybody's: one's own side follows from it.
    pub fn of_event(conversation: &Value, me: &str) -> Self {
        let mut held = Self::of(conversation);
        let role = held.members.get(me).map(|member| member["role"].clone());
        held.me = json!({ "role": role, "status": "ACTIVE", "unreadCount": 0, "readUpTo": 0 });
        held
    }

    fn read(&mut self, reader: &str, up_to: i64, is_me: bool) {
        if let Some(member) = self.members.get_mut(reader) {
            member["readUpTo"] = member["readUpTo"].as_i64().max(Some(up_to)).into();
        }
        if is_me {
            self.me["readUpTo"] = self.me["readUpTo"].as_i64().max(Some(up_to)).into();
        }
    }

    fn say(&mut self, message: &Value, me: &str) {
        if self.last["seq"].as_i64() < message["seq"].as_i64() {
            self.last = message.clone();
            self.at = text(&message["createdAt"]);
        }
        self.me["status"] = "ACTIVE".into();
        if let (Some(sender), Some(seq)) =
            (message["sender"]["id"].as_str(), message["seq"].as_i64())
        {
            self.read(sender, seq, sender == me);
        }
    }

    /// The last message changed, or the one that it answers.
    fn change(&mut self, message: &Value) {
        if self.last["id"] == message["id"] {
            self.last = message.clone();
        } else if self.last["replyTo"]["id"] == message["id"] {
            let content = message["content"].as_str();
            let excerpt = content.map(|text| text.chars().take(140).collect::<String>());
            self.last["replyTo"]["excerpt"] = json!(excerpt);
            self.last["replyTo"]["isDeleted"] = message["isDeleted"].clone();
        }
    }

    /// As it is compared: how far one has read oneself stands in `me`, and in `members` as others see it.
    pub fn compared(&self, me: &str) -> Value {
        let mut members = self.members.clone();
        if let Some(own) = members.get_mut(me) {
            own["readUpTo"] = Value::Null;
        }
        let mut last = of_message(&self.last);
        if let Some(last) = last.as_object_mut() {
            last.remove("isRead");
        }
        json!({ "description": self.description, "members": members, "last": last, "me": self.me })
    }

    pub fn fold(&mut self, kind: &str, data: &Value, me: &str) {
        match kind {
            "conversation.updated" => {
                self.description = of_description(&data["conversation"]);
                if let Some(status) = data.get("status") {
                    self.me["status"] = status.clone();
                }
            }
            "member.joined" | "member.updated" => {
                let id = text(&data["member"]["user"]["id"]);
                if id == me {
                    self.me["role"] = data["member"]["role"].clone();
                }
                self.members.insert(id, of_member(&data["member"]));
            }
            "member.left" => {
                self.members
                    .remove(data["member"]["user"]["id"].as_str().unwrap_or_default());
            }
            "message.created" => self.say(&data["message"], me),
            "message.updated" | "message.deleted" => self.change(&data["message"]),
            "receipt.read" => {
                let reader = data["receipt"]["userId"].as_str().unwrap_or_default();
                self.read(
                    reader,
                    data["receipt"]["readUpTo"].as_i64().unwrap_or(0),
                    reader == me,
                );
            }
            _ => {}
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
