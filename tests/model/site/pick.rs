//! Whom and what an operation is about: mostly one's own, often the newest.

use super::action::Create;
use super::choice::Choice;
use super::op::What;
use super::world::{By, Stretch};

impl Choice<'_> {
    pub fn create(&self, text: String, people: usize) -> Create {
        let op = self.op;
        let person = |n: usize| (op.with as usize + n * (1 + op.with as usize / 64)) % people;
        let others = if op.what == What::Private {
            1
        } else {
            1 + op.at as usize % 3
        };
        let mut named: Vec<(usize, bool)> = Vec::new();
        if self.by == By::Service {
            named.push(((op.at as usize / 7) % people, true));
        }
        for n in 0..others {
            if named.iter().all(|(other, _)| *other != person(n)) {
                named.push((person(n), n == 2));
            }
        }
        if op.at.is_multiple_of(31) {
            named.push((self.world.people.len(), false));
        }
        Create {
            by: self.me(),
            is_group: op.what != What::Private,
            people: named,
            context: match op.what {
                What::Private => op.at.checked_rem(9).filter(|n| *n > 0),
                What::Unique => Some(100 + op.at % 5),
                _ => None,
            },
            is_unique: op.what == What::Unique,
            key: (op.what == What::Keyed).then_some(op.at % 6),
            subject: op
                .at
                .is_multiple_of(2)
                .then(|| format!("Subject {}", op.at)),
            organization: match op.at % 16 {
                1 => Some("org-1"),
                2 => Some("another"),
                _ => None,
            },
            message: (op.at % 4 < 2).then_some(text),
        }
    }

    pub fn me(&self) -> Option<usize> {
        match self.by {
            By::Person(person) => Some(person),
            By::Service => None,
        }
    }

    /// Mostly one of one's own, often one of the newest.
    pub fn conversation(&self) -> Option<usize> {
        let all = 0..self.world.conversations.len();
        let mine = all.clone().filter(|c| self.world.may_see(self.by, *c));
        let mut some: Vec<usize> = mine.collect();
        if self.op.at.is_multiple_of(8) || some.is_empty() {
            some = all.collect();
        }
        use What::{Add, AddStranger, Demote, Leave, Promote, Remove};
        let of_groups = [Add, AddStranger, Demote, Leave, Promote, Remove];
        let is_group = |of: &usize| self.world.conversations[*of].is_group;
        if of_groups.contains(&self.op.what)
            && some.iter().any(is_group)
            && !self.op.by.is_multiple_of(8)
        {
            some.retain(is_group);
        }
        let is_left = |of: &usize| self.has_left(*of);
        if self.op.what == Add && some.iter().any(is_left) && !self.op.by.is_multiple_of(8) {
            some.retain(is_left);
        }
        self.pick(&some, 12)
    }

    /// Mostly one of one's own messages, and one of the newest. Of those whose id was told.
    pub fn message(&self) -> Option<usize> {
        let conversation = &self.world.conversations[self.conversation()?];
        let known = conversation.messages.iter().copied();
        let mut some: Vec<usize> = known
            .filter(|m| self.world.messages[*m].id.is_some())
            .collect();
        let mine = |m: &usize| self.world.messages[*m].sender == self.me();
        if !self.op.with.is_multiple_of(3) && some.iter().any(mine) {
            some.retain(mine);
        }
        // Often one that was answered: its text stands in two places.
        let all = conversation.messages.iter();
        let quoted: Vec<usize> = all
            .filter_map(|m| self.world.messages[*m].reply_to)
            .collect();
        if !self.op.with.is_multiple_of(4) && some.iter().any(|m| quoted.contains(m)) {
            some.retain(|m| quoted.contains(m));
        }
        self.pick(&some, 4)
    }

    fn pick(&self, some: &[usize], newest: usize) -> Option<usize> {
        let (at, is_new) = (self.op.at as usize / 16, (self.op.at / 8).is_multiple_of(2));
        let among = if is_new {
            some.len().min(newest)
        } else {
            some.len()
        };
        let back = at.checked_rem(among)?;
        some.get(some.len() - 1 - back).copied()
    }

    fn has_left(&self, conversation: usize) -> bool {
        let of = &self.world.conversations[conversation];
        let has_left = |s: &Stretch| of.stretch(s.person).is_none();
        of.is_group && of.deleted.is_none() && of.stretches.iter().any(has_left)
    }

    /// Those who were in it and are no more.
    pub fn gone(&self, conversation: usize, people: usize) -> Vec<usize> {
        let of = &self.world.conversations[conversation];
        let gone = |person: &usize| of.was_member(*person) && of.stretch(*person).is_none();
        (0..people).filter(gone).collect()
    }
}
