//! What an action is answered, by the rules of the contract: the status, and the code of a refusal.

use super::action::{Action, Create, View};
use super::world::{By, Conversation, World};

/// The status of an answer, or of a refusal with its code.
pub type Verdict = Result<u16, (u16, &'static str)>;

const NOT_FOUND: Verdict = Err((404, "not-found"));
const FORBIDDEN: Verdict = Err((403, "forbidden"));
const INVALID: Verdict = Err((422, "invalid-body"));
const NOT_A_GROUP: Verdict = Err((409, "not-a-group"));
const CLOSED: Verdict = Err((409, "conversation-closed"));

impl World {
    pub fn judge(&self, action: &Action) -> Verdict {
        match action {
            Action::Create(create) => self.judge_create(create),
            Action::Send { .. } => self.judge_send(action),
            Action::Edit { by, message, .. } => self.judge_edit(*by, *message),
            Action::Erase { by, message } => self.judge_erase(*by, *message),
            Action::Read {
                by,
                conversation,
                up_to,
            } => self.judge_read(*by, *conversation, *up_to),
            Action::ReadMessage { by, message } => {
                self.judge_read(*by, self.messages[*message].conversation, None)
            }
            Action::Put {
                by: By::Service, ..
            } => INVALID,
            Action::Put {
                by, conversation, ..
            } => self
                .member(*by, *conversation)
                .map_or(NOT_FOUND, |_| Ok(200)),
            Action::Alter {
                by, conversation, ..
            } => match self.standing(*by, *conversation) {
                None => NOT_FOUND,
                Some(false) if self.conversations[*conversation].is_group => FORBIDDEN,
                Some(_) => Ok(200),
            },
            Action::Discard { by, conversation } => self.judge_discard(*by, *conversation),
            Action::Add {
                by,
                conversation,
                people,
            } => match self.manages(*by, *conversation) {
                Err(refusal) => Err(refusal),
                Ok(()) if people.iter().any(|(p, _)| !self.is_known(*p)) => {
                    Err((422, "user-unknown"))
                }
                Ok(()) => Ok(200),
            },
            Action::Role {
                by,
                conversation,
                person,
                is_admin,
            } => self.judge_role(*by, *conversation, *person, *is_admin),
            Action::Remove {
                by,
                conversation,
                person,
            } => self.judge_remove(*by, *conversation, *person),
            Action::Choose { .. } | Action::Name { .. } => Ok(200),
            Action::Notification { by, step } => self.judge_step(*by, step),
            Action::Look { by, at } => self.judge_look(*by, *at),
        }
    }

    fn judge_read(&self, by: By, conversation: usize, up_to: Option<i64>) -> Verdict {
        let last = self.conversations[conversation].last_seq();
        match self.member(by, conversation) {
            None => NOT_FOUND,
            Some(_) if up_to.is_some_and(|up_to| up_to > last) => INVALID,
            Some(_) => Ok(200),
        }
    }

    /// Whether somebody who sees it is an ADMIN; the backend is more than that.
    fn standing(&self, by: By, conversation: usize) -> Option<bool> {
        match by {
            By::Service => self.may_see(by, conversation).then_some(true),
            By::Person(person) => self.stretch(person, conversation).map(|s| s.is_admin),
        }
    }

    /// A person's own side of it.
    fn member(&self, by: By, conversation: usize) -> Option<bool> {
        match by {
            By::Service => None,
            By::Person(_) => self.standing(by, conversation),
        }
    }

    fn judge_create(&self, create: &Create) -> Verdict {
        if create.by.is_some() && create.organization == Some("another") {
            return INVALID;
        }
        let everybody = create.everybody();
        if !create.is_group && everybody.len() != 2 {
            return INVALID;
        }
        if create.by.is_some() && create.is_unique {
            return Err((403, "service-only"));
        }
        let found = create.found_by().and_then(|key| self.by_key.get(&key));
        let Some(found) = found else {
            let is_stranger = |(person, _): &(usize, bool)| !self.is_known(*person);
            return if everybody.iter().any(is_stranger) {
                Err((422, "user-unknown"))
            } else {
                Ok(201)
            };
        };
        match create.by {
            Some(me) if self.stretch(me, *found).is_none() => Err((409, "key-taken")),
            Some(_) if create.message.is_some() && self.conversations[*found].closed => CLOSED,
            _ => Ok(200),
        }
    }

    fn judge_send(&self, action: &Action) -> Verdict {
        let Action::Send {
            by,
            conversation,
            text,
            reply_to,
            key,
        } = action
        else {
            return Ok(201);
        };
        if !self.may_see(*by, *conversation) {
            return NOT_FOUND;
        }
        if let (By::Person(me), Some(key)) = (by, key)
            && let Some(before) = self.sent.get(&(*me, key.clone()))
        {
            let before = (before.conversation, &before.text, &before.reply_to);
            let is_same = before == (*conversation, text, reply_to);
            return is_same.then_some(201).ok_or((409, "idempotency-mismatch"));
        }
        if self.conversations[*conversation].closed {
            return CLOSED;
        }
        let is_lost = |message: usize| self.messages[message].conversation != *conversation;
        if reply_to.is_some_and(is_lost) {
            INVALID
        } else {
            Ok(201)
        }
    }

    /// One's own; the backend's own are the SYSTEM messages.
    fn is_own(&self, by: By, message: usize) -> bool {
        match by {
            By::Person(me) => self.messages[message].sender == Some(me),
            By::Service => self.messages[message].sender.is_none(),
        }
    }

    fn judge_edit(&self, by: By, message: usize) -> Verdict {
        let of = &self.messages[message];
        if !self.may_see(by, of.conversation) {
            return NOT_FOUND;
        }
        let is_notice = of.notice.is_some() && !of.is_deleted();
        if !self.is_own(by, message) || is_notice {
            return FORBIDDEN;
        }
        if of.is_deleted() {
            return Err((409, "message-deleted"));
        }
        if self.conversations[of.conversation].closed {
            CLOSED
        } else {
            Ok(200)
        }
    }

    fn judge_erase(&self, by: By, message: usize) -> Verdict {
        let of = self.messages[message].conversation;
        let Some(is_admin) = self.standing(by, of) else {
            return NOT_FOUND;
        };
        let moderates = is_admin && (self.conversations[of].is_group || by == By::Service);
        if self.is_own(by, message) || moderates {
            Ok(204)
        } else {
            FORBIDDEN
        }
    }

    /// Said again by whoever did it, it is done.
    fn judge_discard(&self, by: By, conversation: usize) -> Verdict {
        let of = &self.conversations[conversation];
        match (by, of.deleted) {
            (By::Service, _) => Ok(204),
            (By::Person(me), Some(at)) => {
                let mut last = of.stretches.iter().filter(|s| s.left == Some(at));
                let was_admin = last.any(|s| s.person == me && s.is_admin);
                if was_admin { Ok(204) } else { NOT_FOUND }
            }
            (By::Person(me), None) => match of.stretch(me) {
                None => NOT_FOUND,
                Some(s) if of.is_group && !s.is_admin => FORBIDDEN,
                Some(_) => Ok(204),
            },
        }
    }

    /// Who may say who is in it.
    fn manages(&self, by: By, conversation: usize) -> Result<(), (u16, &'static str)> {
        let standing = self.standing(by, conversation).ok_or((404, "not-found"))?;
        if !self.conversations[conversation].is_group {
            return Err((409, "not-a-group"));
        }
        if standing {
            Ok(())
        } else {
            Err((403, "forbidden"))
        }
    }

    fn judge_role(&self, by: By, conversation: usize, person: usize, is_admin: bool) -> Verdict {
        self.manages(by, conversation)?;
        let of = &self.conversations[conversation];
        match of.stretch(person) {
            None => NOT_FOUND,
            Some(s) if s.is_admin && !is_admin && of.admins() == 1 && by != By::Service => {
                Err((409, "last-admin"))
            }
            Some(_) => Ok(200),
        }
    }

    fn judge_remove(&self, by: By, conversation: usize, person: usize) -> Verdict {
        let of: &Conversation = &self.conversations[conversation];
        let is_self = by == By::Person(person);
        if self.standing(by, conversation).is_none() {
            // Said again: done.
            let is_again = is_self && of.deleted.is_none() && of.was_member(person);
            return if is_again { Ok(204) } else { NOT_FOUND };
        }
        if !of.is_group {
            return NOT_A_GROUP;
        }
        if !is_self {
            self.manages(by, conversation)?;
        }
        let Some(stretch) = of.stretch(person) else {
            return if of.was_member(person) {
                Ok(204)
            } else {
                NOT_FOUND
            };
        };
        let is_last = stretch.is_admin && of.admins() == 1 && of.current().count() > 1;
        if is_last && by != By::Service {
            Err((409, "last-admin"))
        } else {
            Ok(204)
        }
    }

    fn judge_look(&self, by: By, at: View) -> Verdict {
        let of = match at {
            View::Conversation(of) | View::Members(of) | View::Messages(of) => of,
            View::Message(m) | View::Receipts(m) | View::Revisions(m) => {
                self.messages[m].conversation
            }
        };
        let seen = match at {
            View::Messages(_) | View::Message(_) | View::Receipts(_) => self.member(by, of),
            _ => self.standing(by, of),
        };
        let is_group = self.conversations[of].is_group;
        match (at, seen) {
            (_, None) => NOT_FOUND,
            (View::Revisions(_), Some(is_admin)) if by != By::Service => {
                if is_admin && is_group {
                    Ok(200)
                } else {
                    FORBIDDEN
                }
            }
            _ => Ok(200),
        }
    }
}
