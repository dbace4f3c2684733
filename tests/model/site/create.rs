//! A conversation that somebody wants: who would be in it, what it is found by, how it is asked for.

use serde_json::{Value, json};

use super::action::Create;
use super::view::role;
use super::world::World;

impl Create {
    /// Everybody who would be in it, the creator first; who is ADMIN.
    pub fn everybody(&self) -> Vec<(usize, bool)> {
        let mut all: Vec<(usize, bool)> = Vec::new();
        let me = self.by.map(|me| (me, true));
        for (person, is_admin) in me.into_iter().chain(self.people.iter().copied()) {
            if all.iter().all(|(other, _)| *other != person) {
                all.push((person, is_admin && self.is_group));
            }
        }
        all
    }

    /// What it is found by, if it can be found.
    pub fn found_by(&self) -> Option<String> {
        let mut people: Vec<usize> = self.everybody().iter().map(|(person, _)| *person).collect();
        people.sort_unstable();
        match (self.is_unique, self.is_group) {
            (true, _) => Some(format!("context {:?}", self.context)),
            (false, false) => Some(format!("pair {people:?} {:?}", self.context)),
            (false, true) => self.key.map(|key| format!("key {key}")),
        }
    }

    pub fn body(&self, world: &World) -> Value {
        let mut body = json!({
            "type": if self.is_group { "GROUP" } else { "PRIVATE" },
            "members": named(world, &self.people),
            "subject": self.subject,
            "organizationId": self.organization,
            "key": self.key.map(|key| format!("key-{key}")),
        });
        if let Some(context) = self.context {
            let context =
                json!({ "type": "AD", "id": format!("{context}"), "unique": self.is_unique });
            body["context"] = context;
        }
        if let Some(text) = &self.message {
            let field = if self.by.is_some() {
                "firstMessage"
            } else {
                "systemMessage"
            };
            body[field] = json!({ "content": text });
        }
        body
    }
}

pub fn named(world: &World, people: &[(usize, bool)]) -> Vec<Value> {
    let named = people.iter();
    named.map(|(person, is_admin)| json!({ "userId": world.person_id(*person), "role": role(*is_admin) })).collect()
}
