//! What a site holds, as the contract says it: people, conversations, messages, and the log of what happened. Small and
//! plain, so that it is easier to believe than the service.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::notifications::Notification;

/// Who does something: one of the people, or the host's backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    Person(usize),
    Service,
}

#[derive(Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub receipts_off: bool,
    /// The highest position that a poll of theirs has proven.
    pub acked: i64,
}

/// One stretch of membership: from a place in the log to another, both seen.
#[derive(Debug, Clone)]
pub struct Stretch {
    pub person: usize,
    pub is_admin: bool,
    pub joined: usize,
    pub left: Option<usize>,
    pub read: i64,
    /// As others see it.
    pub shown: i64,
    pub deleted: i64,
    pub archived: i64,
}

/// A step of a horizon that is kept, and between which instants it was made.
#[derive(Debug, Clone)]
pub struct Mark {
    pub person: usize,
    pub up_to: i64,
    pub between: (DateTime<Utc>, DateTime<Utc>),
}

#[derive(Debug)]
pub struct Conversation {
    pub id: String,
    pub is_group: bool,
    pub subject: Option<String>,
    pub closed: bool,
    pub metadata: Value,
    pub key: Option<String>,
    /// Deleted for all, there in the log.
    pub deleted: Option<usize>,
    pub stretches: Vec<Stretch>,
    pub messages: Vec<usize>,
    /// Creation or newest message.
    pub activity: usize,
    pub marks: Vec<Mark>,
}

#[derive(Debug)]
pub struct Message {
    /// Not known before somebody was told it.
    pub id: Option<String>,
    pub conversation: usize,
    pub seq: i64,
    pub sender: Option<usize>,
    /// `?` where it is the service that words it.
    pub text: Option<String>,
    pub notice: Option<Value>,
    pub is_edited: bool,
    pub reply_to: Option<usize>,
    /// What it said before, oldest first.
    pub revisions: Vec<String>,
    pub created: usize,
    /// Where that is in the service's log, once somebody was told it.
    pub position: Option<i64>,
}

impl Message {
    pub fn is_deleted(&self) -> bool {
        self.text.is_none()
    }
}

/// One durable change.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: &'static str,
    pub conversation: Option<usize>,
    /// None of what the host tells somebody.
    pub actor: Option<String>,
    /// For this person alone.
    pub audience: Option<usize>,
    /// What tells it from others of its kind: a `seq`, a person, a horizon, a status.
    pub detail: String,
}

/// What was sent with a key: the body's own parts, and the message.
#[derive(Debug, Clone)]
pub struct Keyed {
    pub conversation: usize,
    pub text: String,
    pub reply_to: Option<usize>,
    pub message: usize,
}

#[derive(Debug, Default)]
pub struct World {
    pub people: Vec<Person>,
    pub conversations: Vec<Conversation>,
    pub messages: Vec<Message>,
    pub notifications: Vec<Notification>,
    pub log: Vec<Event>,
    /// What create-or-get finds.
    pub by_key: HashMap<String, usize>,
    pub sent: BTreeMap<(usize, String), Keyed>,
    /// Groups say who comes and goes.
    pub notices: bool,
    /// Others are told what one has read.
    pub receipts: bool,
    /// Texts are numbered; those of these numbers were edited away or deleted.
    pub texts: usize,
    pub dead: HashSet<usize>,
}

/// The largest group whose receipts everybody is told.
pub const PUBLIC: usize = 20;

impl Conversation {
    pub fn last_seq(&self) -> i64 {
        self.messages.len() as i64
    }

    pub fn current(&self) -> impl Iterator<Item = &Stretch> {
        self.stretches.iter().filter(|s| s.left.is_none())
    }

    pub fn stretch(&self, person: usize) -> Option<&Stretch> {
        self.current().find(|s| s.person == person)
    }

    pub fn stretch_mut(&mut self, person: usize) -> Option<&mut Stretch> {
        let mut all = self.stretches.iter_mut();
        all.find(|s| s.left.is_none() && s.person == person)
    }

    pub fn was_member(&self, person: usize) -> bool {
        self.stretches.iter().any(|s| s.person == person)
    }

    pub fn admins(&self) -> usize {
        self.current().filter(|s| s.is_admin).count()
    }

    /// Whether this person sees an event of everybody's there.
    pub fn holds(&self, person: usize, at: usize) -> bool {
        let mut all = self.stretches.iter().filter(|s| s.person == person);
        all.any(|s| s.joined <= at && s.left.is_none_or(|left| at <= left))
    }

    pub fn is_hidden(&self, stretch: &Stretch) -> bool {
        self.last_seq() <= stretch.deleted
    }

    pub fn is_archived(&self, stretch: &Stretch) -> bool {
        self.last_seq() <= stretch.archived
    }
}

impl World {
    pub fn id_of(&self, by: By) -> String {
        match by {
            By::Person(person) => self.person_id(person),
            By::Service => "backend".to_owned(),
        }
    }

    /// One past the last is nobody.
    pub fn person_id(&self, person: usize) -> String {
        let found = self.people.get(person);
        found.map_or_else(|| "ghost".to_owned(), |person| person.id.clone())
    }

    pub fn is_known(&self, person: usize) -> bool {
        person < self.people.len()
    }

    /// The open stretch of a person in a conversation that is there.
    pub fn stretch(&self, person: usize, conversation: usize) -> Option<&Stretch> {
        let conversation = &self.conversations[conversation];
        conversation.deleted.is_none().then_some(())?;
        conversation.stretch(person)
    }

    pub fn may_see(&self, by: By, conversation: usize) -> bool {
        match by {
            By::Person(person) => self.stretch(person, conversation).is_some(),
            By::Service => self.conversations[conversation].deleted.is_none(),
        }
    }

    /// A recount: others' messages above the horizon that are there, notices excepted.
    pub fn unread(&self, stretch: &Stretch, conversation: usize) -> usize {
        let messages = self.conversations[conversation].messages.iter();
        let messages = messages.map(|message| &self.messages[*message]);
        messages
            .filter(|m| m.seq > stretch.read.max(stretch.deleted))
            .filter(|m| m.sender != Some(stretch.person) && !m.is_deleted() && m.notice.is_none())
            .count()
    }

    /// Every conversation with something unread, by its id.
    pub fn unread_of(&self, person: usize) -> BTreeMap<String, i64> {
        let mut counts = BTreeMap::new();
        for (index, conversation) in self.conversations.iter().enumerate() {
            let unread = self.stretch(person, index).map(|s| self.unread(s, index));
            if let Some(unread) = unread.filter(|unread| *unread > 0) {
                counts.insert(conversation.id.clone(), unread as i64);
            }
        }
        counts
    }

    /// The list of a person, newest activity first.
    pub fn list(&self, person: usize, archived: bool) -> Vec<usize> {
        let all = self.conversations.iter().enumerate();
        let mut listed: Vec<usize> = all
            .filter_map(|(index, c)| {
                let stretch = self.stretch(person, index)?;
                (!c.is_hidden(stretch) && c.is_archived(stretch) == archived).then_some(index)
            })
            .collect();
        listed.sort_by_key(|index| std::cmp::Reverse(self.conversations[*index].activity));
        listed
    }

    /// What a person is told of all that happened: places in the log.
    pub fn feed(&self, person: usize) -> Vec<usize> {
        let sees = |at: &usize| {
            let event = &self.log[*at];
            match (event.audience, event.conversation) {
                (Some(audience), _) => audience == person,
                (None, Some(of)) => self.conversations[of].holds(person, *at),
                (None, None) => false,
            }
        };
        (0..self.log.len()).filter(sees).collect()
    }

    /// A text nobody has written yet: its number can be found wherever it is handed out.
    pub fn new_text(&mut self, long: bool) -> String {
        self.texts += 1;
        let more = if long {
            " and so on".repeat(20)
        } else {
            String::new()
        };
        format!("[[{}]] says this{more}", self.texts)
    }

    /// A text in `answer` that was edited away or deleted.
    pub fn dead_text(&self, answer: &str) -> Option<usize> {
        let numbers = answer.split("[[").skip(1);
        let mut numbers = numbers.filter_map(|rest| rest.split_once("]]")?.0.parse().ok());
        numbers.find(|number| self.dead.contains(number))
    }

    /// Nobody may be told this text from now on.
    pub fn bury(&mut self, text: &str) {
        let number = text
            .split("[[")
            .nth(1)
            .and_then(|rest| rest.split_once("]]"));
        self.dead
            .extend(number.and_then(|(number, _)| number.parse::<usize>().ok()));
    }
}
