//! What each kind of change does to the world.

use serde_json::json;

use super::action::Action;
use super::apply::{Between, sender};
use super::world::{By, Mark, PUBLIC, Stretch, World};

impl World {
    pub(super) fn actor(&self, by: By) -> Option<String> {
        sender(by).map(|_| self.id_of(by))
    }

    pub(super) fn edit(&mut self, by: By, message: usize, text: &str) {
        let of = &mut self.messages[message];
        let Some(before) = of
            .text
            .replace(text.to_owned())
            .filter(|before| before != text)
        else {
            return;
        };
        (of.is_edited, of.revisions) =
            (true, [of.revisions.clone(), vec![before.clone()]].concat());
        let (conversation, seq) = (of.conversation, of.seq);
        self.bury(&before);
        self.tell("message.updated", conversation, by, seq);
    }

    pub(super) fn erase(&mut self, by: By, message: usize) {
        let of = &mut self.messages[message];
        of.revisions.clear();
        let (conversation, seq) = (of.conversation, of.seq);
        if let Some(before) = of.text.take() {
            self.bury(&before);
            self.tell("message.deleted", conversation, by, seq);
        }
    }

    /// Forward only. Others are told unless receipts are off, and in small groups only.
    pub(super) fn read(&mut self, me: usize, of: usize, up_to: i64, between: Between) {
        let is_kept = self.receipts && !self.people[me].receipts_off;
        let conversation = &mut self.conversations[of];
        let is_shown = is_kept && conversation.current().count() <= PUBLIC;
        let Some(stretch) = conversation.stretch_mut(me).filter(|s| s.read < up_to) else {
            return;
        };
        stretch.read = up_to;
        if is_shown {
            stretch.shown = up_to;
        }
        if is_kept {
            conversation.marks.push(Mark {
                person: me,
                up_to,
                between,
            });
        }
        let detail = format!("{} {up_to}", self.person_id(me));
        let at = self.tell("receipt.read", of, By::Person(me), detail);
        self.log[at].audience = (!is_shown).then_some(me);
    }

    pub(super) fn put(&mut self, me: usize, of: usize, archived: bool) {
        let conversation = &mut self.conversations[of];
        let last = conversation.last_seq();
        let Some(stretch) = conversation.stretch_mut(me) else {
            return;
        };
        if (last <= stretch.archived) != archived {
            stretch.archived = if archived { last } else { -1 };
            let status = if archived { "ARCHIVED" } else { "ACTIVE" };
            self.tell_one("conversation.updated", of, me, status);
        }
    }

    pub(super) fn alter(&mut self, action: &Action, between: Between) {
        let Action::Alter {
            by,
            conversation: of,
            subject,
            metadata,
            closed,
        } = action
        else {
            return;
        };
        let conversation = &mut self.conversations[*of];
        let before = (
            conversation.subject.clone(),
            conversation.metadata.clone(),
            conversation.closed,
        );
        if let Some(subject) = subject {
            conversation.subject = subject.clone();
        }
        if let Some(n) = metadata {
            conversation.metadata = json!({ "n": n });
        }
        conversation.closed = closed.unwrap_or(conversation.closed);
        let is_renamed = conversation.subject != before.0;
        if !is_renamed && (&conversation.metadata, conversation.closed) == (&before.1, before.2) {
            return;
        }
        let (is_group, subject) = (conversation.is_group, conversation.subject.clone());
        self.tell("conversation.updated", *of, *by, "");
        if is_group && is_renamed {
            let actor = self.actor(*by);
            let notice =
                json!({ "type": "RENAMED", "actorId": actor, "userIds": [], "subject": subject });
            self.notice(*by, *of, notice, between);
        }
    }

    pub(super) fn discard(&mut self, by: By, of: usize) {
        let conversation = &mut self.conversations[of];
        if conversation.deleted.is_some() {
            return;
        }
        let last = conversation.last_seq();
        if let (By::Person(me), false) = (by, conversation.is_group) {
            let stretch = conversation.stretch_mut(me).filter(|s| s.deleted < last);
            if let Some(stretch) = stretch {
                stretch.deleted = last;
                self.tell_one("conversation.deleted", of, me, "");
            }
            return;
        }
        let at = self.tell("conversation.deleted", of, by, "");
        let conversation = &mut self.conversations[of];
        conversation.deleted = Some(at);
        for stretch in &mut conversation.stretches {
            stretch.left.get_or_insert(at);
        }
        if let Some(key) = conversation.key.take() {
            self.by_key.remove(&key);
        }
    }

    pub(super) fn add(&mut self, by: By, of: usize, people: &[(usize, bool)], between: Between) {
        let mut new = Vec::new();
        for (person, is_admin) in people {
            if self.conversations[of].stretch(*person).is_some() {
                continue;
            }
            let id = self.person_id(*person);
            let at = self.tell("member.joined", of, by, &id);
            let last = self.conversations[of].last_seq();
            self.conversations[of].stretches.push(Stretch {
                person: *person,
                is_admin: *is_admin,
                joined: at,
                left: None,
                read: last,
                shown: last,
                deleted: -1,
                archived: -1,
            });
            new.push(id);
        }
        if !new.is_empty() {
            let actor = self.actor(by);
            let notice =
                json!({ "type": "JOINED", "actorId": actor, "userIds": new, "subject": null });
            self.notice(by, of, notice, between);
        }
    }

    pub(super) fn role(&mut self, by: By, of: usize, person: usize, is_admin: bool) {
        let stretch = self.conversations[of].stretch_mut(person);
        if let Some(stretch) = stretch.filter(|s| s.is_admin != is_admin) {
            stretch.is_admin = is_admin;
            let id = self.person_id(person);
            self.tell("member.updated", of, by, id);
        }
    }

    pub(super) fn remove(&mut self, by: By, of: usize, person: usize, between: Between) {
        if self.stretch(person, of).is_none() {
            return;
        }
        let id = self.person_id(person);
        let at = self.tell("member.left", of, by, &id);
        if let Some(stretch) = self.conversations[of].stretch_mut(person) {
            stretch.left = Some(at);
        }
        let actor = self.actor(by);
        let notice = json!({ "type": "LEFT", "actorId": actor, "userIds": [id], "subject": null });
        self.notice(by, of, notice, between);
    }

    /// Told to oneself, and in each conversation that one is in.
    pub(super) fn name(&mut self, person: usize, name: &str) {
        if self.people[person].name == name {
            return;
        }
        self.people[person].name = name.to_owned();
        self.tell_oneself(person);
        let all = 0..self.conversations.len();
        let mut shared: Vec<usize> = all.filter(|c| self.stretch(person, *c).is_some()).collect();
        shared.sort_by_key(|c| std::cmp::Reverse(self.conversations[*c].id.clone()));
        for of in shared {
            let id = self.person_id(person);
            self.tell("user.updated", of, By::Person(person), id);
        }
    }
}
