//! From random numbers to something that somebody does, in the world as it is.

use super::action::{Action, View};
use super::op::{Op, What};
use super::world::{By, World};

/// A choice of the world, from the numbers of one operation.
pub struct Choice<'w> {
    pub world: &'w World,
    pub by: By,
    pub op: Op,
}

impl Op {
    /// What it comes to; none where there is nothing yet that it could be about.
    pub fn resolve(self, world: &mut World, people: usize) -> Option<Action> {
        let text = world.new_text(self.with.is_multiple_of(8));
        let by = match self.by {
            0..16 => By::Service,
            by => By::Person(by as usize % people),
        };
        let choice = Choice {
            world,
            by,
            op: self,
        };
        choice.action(text, people)
    }
}

impl Choice<'_> {
    fn action(&self, text: String, people: usize) -> Option<Action> {
        let (by, op) = (self.by, self.op);
        match op.what {
            What::Private | What::Group | What::Keyed | What::Unique => {
                return Some(Action::Create(self.create(text, people)));
            }
            What::Tell
            | What::ReadNotification
            | What::ReadAllNotifications
            | What::DeleteNotification => {
                let step = self.notification(&text, people)?;
                // Mostly the host tells, and a person reads.
                let is_host = op.what == What::Tell && !op.with.is_multiple_of(16);
                let by = if is_host { By::Service } else { by };
                return Some(Action::Notification { by, step });
            }
            // Each makes memory forget nearly everything, and would hide what it keeps wrongly.
            What::Choose | What::Name if !op.at.is_multiple_of(4) => return None,
            What::Choose => {
                return self.me().map(|person| Action::Choose {
                    person,
                    off: op.with.is_multiple_of(2),
                });
            }
            What::Name => {
                return Some(Action::Name {
                    person: op.with as usize % people,
                    name: format!("Name {}", self.world.texts),
                });
            }
            _ => {}
        }
        self.on_message(&text)
            .or_else(|| {
                let conversation = self.conversation()?;
                self.on_members(conversation, people)
                    .or_else(|| self.on_conversation(conversation, &text))
            })
            .filter(|action| self.makes_sense(action, by))
    }

    /// Nobody puts aside what they do not see: it is not in any list.
    fn makes_sense(&self, action: &Action, by: By) -> bool {
        let (By::Person(person), Action::Put { conversation, .. }) = (by, action) else {
            return true;
        };
        let stretch = self.world.stretch(person, *conversation);
        stretch.is_none_or(|s| !self.world.conversations[*conversation].is_hidden(s))
    }

    fn on_message(&self, text: &str) -> Option<Action> {
        let (by, op, text) = (self.by, self.op, text.to_owned());
        Some(match op.what {
            What::Edit | What::EditBack => {
                let message = self.message()?;
                let now = self.world.messages[message].text.clone();
                let again = now.filter(|now| op.what == What::EditBack && now != "?");
                Action::Edit {
                    by,
                    message,
                    text: again.unwrap_or(text),
                }
            }
            What::Erase => Action::Erase {
                by,
                message: self.message()?,
            },
            What::ReadMessage => Action::ReadMessage {
                by,
                message: self.message()?,
            },
            What::Reply => {
                let message = self.message()?;
                let conversation = match op.with % 10 {
                    0 => self.conversation()?,
                    _ => self.world.messages[message].conversation,
                };
                Action::Send {
                    by,
                    conversation,
                    text,
                    reply_to: Some(message),
                    key: None,
                }
            }
            What::SendAgain => self.again(text)?,
            What::Look if op.with.is_multiple_of(2) => {
                let message = self.message()?;
                let at = match (op.with / 2) % 3 {
                    0 => View::Message(message),
                    1 => View::Receipts(message),
                    _ => View::Revisions(message),
                };
                Action::Look { by, at }
            }
            _ => return None,
        })
    }

    /// With a key that was used: mostly the same, sometimes another text.
    fn again(&self, text: String) -> Option<Action> {
        let person = self.me()?;
        let mut mine = self.world.sent.iter().filter(|((by, _), _)| *by == person);
        let many = mine.clone().count().max(1);
        let ((_, key), of) = mine.nth(self.op.at as usize % many)?;
        let is_other = self.op.with.is_multiple_of(3);
        Some(Action::Send {
            by: self.by,
            conversation: of.conversation,
            text: if is_other { text } else { of.text.clone() },
            reply_to: of.reply_to,
            key: Some(key.clone()),
        })
    }

    fn on_members(&self, conversation: usize, people: usize) -> Option<Action> {
        let (by, op) = (self.by, self.op);
        let person = op.with as usize % people;
        let is_admin = op.with.is_multiple_of(4);
        Some(match op.what {
            What::Add => {
                // Mostly somebody who has left.
                let gone = self.gone(conversation, people);
                let back = (op.at as usize / 16).checked_rem(gone.len());
                let back = back.filter(|_| !op.with.is_multiple_of(5));
                let first = back.map_or(person, |n| gone[n]);
                let other = (person + 1 + op.with as usize / 100) % people;
                let mut all = vec![(first, is_admin)];
                if other != first && op.with.is_multiple_of(3) {
                    all.push((other, false));
                }
                Action::Add {
                    by,
                    conversation,
                    people: all,
                }
            }
            What::AddStranger => {
                let ghost = (self.world.people.len(), false);
                Action::Add {
                    by,
                    conversation,
                    people: vec![(person, false), ghost],
                }
            }
            What::Promote => Action::Role {
                by,
                conversation,
                person,
                is_admin: true,
            },
            What::Demote => Action::Role {
                by,
                conversation,
                person,
                is_admin: false,
            },
            What::Remove => Action::Remove {
                by,
                conversation,
                person,
            },
            What::Leave => Action::Remove {
                by,
                conversation,
                person: self.me()?,
            },
            _ => return None,
        })
    }

    fn on_conversation(&self, conversation: usize, text: &str) -> Option<Action> {
        let (by, op) = (self.by, self.op);
        let alter = |subject, metadata, closed| Action::Alter {
            by,
            conversation,
            subject,
            metadata,
            closed,
        };
        Some(match op.what {
            What::Send => Action::Send {
                by,
                conversation,
                text: text.to_owned(),
                reply_to: None,
                key: (op.with.is_multiple_of(5) && self.me().is_some())
                    .then(|| format!("c-{}", self.world.texts)),
            },
            What::Read => {
                let last = self.world.conversations[conversation].last_seq();
                let up_to = match op.with % 20 {
                    0 => Some(last + 1),
                    1..8 => Some(1 + i64::from(op.with) % last.max(1)),
                    _ => None,
                };
                Action::Read {
                    by,
                    conversation,
                    up_to,
                }
            }
            What::Archive => Action::Put {
                by,
                conversation,
                archived: true,
            },
            What::Unarchive => Action::Put {
                by,
                conversation,
                archived: false,
            },
            What::Close => alter(None, None, Some(true)),
            What::Reopen => alter(None, None, Some(false)),
            What::Rename => {
                let subject =
                    (!op.with.is_multiple_of(4)).then(|| format!("Subject {}", op.with % 50));
                alter(Some(subject), None, None)
            }
            What::Describe => alter(None, Some(op.with % 20), None),
            What::Discard => Action::Discard { by, conversation },
            What::Look => {
                let at = match (op.with / 2) % 3 {
                    0 => View::Conversation(conversation),
                    1 => View::Members(conversation),
                    _ => View::Messages(conversation),
                };
                Action::Look { by, at }
            }
            _ => return None,
        })
    }
}
