//! What an action that is answered well changes, and what it leaves in the log.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::action::{Action, Create};
use super::world::{By, Conversation, Event, Keyed, Mark, Message, Stretch, World};

/// When something was done: before it was asked and after it was answered.
pub type Between = (DateTime<Utc>, DateTime<Utc>);

/// What an action was about: the ids that its answer tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Done {
    pub conversation: Option<usize>,
    pub message: Option<usize>,
}

/// A message that is to be written.
#[derive(Default)]
struct New {
    sender: Option<usize>,
    text: String,
    notice: Option<Value>,
    reply_to: Option<usize>,
}

impl World {
    pub fn apply(&mut self, action: &Action, between: Between) -> Done {
        let mut done = Done::default();
        match action {
            Action::Create(create) => done.conversation = Some(self.create(create, between)),
            Action::Send { .. } => done.message = self.send(action, between),
            _ => self.change(action, between),
        }
        done
    }

    /// What makes nothing new.
    fn change(&mut self, action: &Action, between: Between) {
        match action {
            Action::Edit { by, message, text } => self.edit(*by, *message, text),
            Action::Erase { by, message } => self.erase(*by, *message),
            Action::Read {
                by: By::Person(me),
                conversation,
                up_to,
            } => {
                let up_to = up_to.unwrap_or(self.conversations[*conversation].last_seq());
                self.read(*me, *conversation, up_to, between);
            }
            Action::ReadMessage {
                by: By::Person(me),
                message,
            } => {
                let (of, seq) = (
                    self.messages[*message].conversation,
                    self.messages[*message].seq,
                );
                self.read(*me, of, seq, between);
            }
            Action::Put {
                by: By::Person(me),
                conversation,
                archived,
            } => {
                self.put(*me, *conversation, *archived);
            }
            Action::Alter { .. } => self.alter(action, between),
            Action::Discard { by, conversation } => self.discard(*by, *conversation),
            Action::Add {
                by,
                conversation,
                people,
            } => self.add(*by, *conversation, people, between),
            Action::Role {
                by,
                conversation,
                person,
                is_admin,
            } => {
                self.role(*by, *conversation, *person, *is_admin);
            }
            Action::Remove {
                by,
                conversation,
                person,
            } => {
                self.remove(*by, *conversation, *person, between);
            }
            Action::Choose { person, off } => self.choose(*person, *off),
            Action::Notification { by, step } => self.step(*by, step),
            Action::Name { person, name } => self.name(*person, name),
            Action::Look { .. }
            | Action::Read { .. }
            | Action::ReadMessage { .. }
            | Action::Put { .. }
            | Action::Create(_)
            | Action::Send { .. } => {}
        }
    }

    /// A key that was used before gives its message again.
    fn send(&mut self, action: &Action, between: Between) -> Option<usize> {
        let Action::Send {
            by,
            conversation,
            text,
            reply_to,
            key,
        } = action
        else {
            return None;
        };
        let key = sender(*by).zip(key.clone());
        if let Some(before) = key.as_ref().and_then(|key| self.sent.get(key)) {
            return Some(before.message);
        }
        let new = New {
            sender: sender(*by),
            text: text.clone(),
            reply_to: *reply_to,
            notice: None,
        };
        let message = self.write(*by, *conversation, new, between);
        if let Some(key) = key {
            let sent = Keyed {
                conversation: *conversation,
                text: text.clone(),
                reply_to: *reply_to,
                message,
            };
            self.sent.insert(key, sent);
        }
        Some(message)
    }

    /// Appends an event, and gives its place.
    pub(super) fn tell(
        &mut self,
        kind: &'static str,
        of: usize,
        by: By,
        detail: impl ToString,
    ) -> usize {
        self.log.push(Event {
            kind,
            conversation: Some(of),
            actor: Some(self.id_of(by)),
            audience: None,
            detail: detail.to_string(),
        });
        self.log.len() - 1
    }

    pub(super) fn tell_one(
        &mut self,
        kind: &'static str,
        of: usize,
        me: usize,
        detail: impl ToString,
    ) {
        let at = self.tell(kind, of, By::Person(me), detail);
        self.log[at].audience = Some(me);
    }

    pub(super) fn tell_oneself(&mut self, me: usize) {
        let id = self.person_id(me);
        self.log.push(Event {
            kind: "user.updated",
            conversation: None,
            actor: Some(id.clone()),
            audience: Some(me),
            detail: id,
        });
    }

    fn choose(&mut self, person: usize, off: bool) {
        if self.people[person].receipts_off != off {
            self.people[person].receipts_off = off;
            self.tell_oneself(person);
        }
    }

    fn create(&mut self, create: &Create, between: Between) -> usize {
        let by = create.by.map_or(By::Service, By::Person);
        let found = create
            .found_by()
            .and_then(|key| self.by_key.get(&key).copied());
        let is_new = found.is_none();
        let index = found.unwrap_or_else(|| self.begin(create, by));
        if let Some(text) = create.message.clone()
            && (is_new || create.by.is_some())
        {
            let new = New {
                sender: create.by,
                text,
                ..New::default()
            };
            self.write(by, index, new, between);
        }
        index
    }

    fn begin(&mut self, create: &Create, by: By) -> usize {
        let index = self.conversations.len();
        let at = self.tell("conversation.created", index, by, "");
        let stretch = |(person, is_admin)| Stretch {
            person,
            is_admin,
            joined: at,
            left: None,
            read: 0,
            shown: 0,
            deleted: -1,
            archived: -1,
        };
        let key = create.found_by();
        if let Some(key) = key.clone() {
            self.by_key.insert(key, index);
        }
        self.conversations.push(Conversation {
            id: String::new(),
            is_group: create.is_group,
            subject: create.subject.clone(),
            closed: false,
            metadata: json!({}),
            key,
            deleted: None,
            stretches: create.everybody().into_iter().map(stretch).collect(),
            messages: Vec::new(),
            activity: at,
            marks: Vec::new(),
        });
        index
    }

    /// The next message of a conversation. Who sends has read what stands above.
    fn write(&mut self, by: By, of: usize, new: New, between: Between) -> usize {
        let (index, seq) = (self.messages.len(), self.conversations[of].last_seq() + 1);
        let created = self.tell("message.created", of, by, seq);
        self.messages.push(Message {
            id: None,
            conversation: of,
            seq,
            sender: new.sender,
            text: Some(new.text),
            notice: new.notice,
            is_edited: false,
            reply_to: new.reply_to,
            revisions: Vec::new(),
            created,
            position: None,
        });
        let conversation = &mut self.conversations[of];
        conversation.messages.push(index);
        conversation.activity = created;
        if let Some(person) = new.sender
            && let Some(stretch) = conversation.stretch_mut(person)
        {
            let is_news = seq - stretch.shown > 1;
            (stretch.read, stretch.shown) = (seq, seq);
            if is_news && !self.people[person].receipts_off {
                conversation.marks.push(Mark {
                    person,
                    up_to: seq,
                    between,
                });
            }
        }
        index
    }

    /// The service words it; nobody sent it, and it is unread to nobody.
    pub(super) fn notice(&mut self, by: By, of: usize, notice: Value, between: Between) {
        if self.notices {
            let new = New {
                text: "?".to_owned(),
                notice: Some(notice),
                ..New::default()
            };
            self.write(by, of, new, between);
        }
    }
}

pub(super) fn sender(by: By) -> Option<usize> {
    match by {
        By::Person(me) => Some(me),
        By::Service => None,
    }
}
