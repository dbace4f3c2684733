//! Who is in which conversation, as far as the run itself knows: one step of one member at a time, so that their order is
//! known, while everybody goes on writing.

use std::collections::HashMap;

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use reqwest::Method;
use serde_json::json;

use super::Run;
use super::ask::Ask;
use crate::support::Person;
use crate::support::history::{Conversation, Done, Move};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    In,
    Out,
    /// Somebody has asked for a step, and has no answer yet.
    Moving,
    /// Somebody got no answer: nothing more is asked for.
    Unknown,
}

/// By conversation and user, with the number of steps so far. Who is not named was never in it.
#[derive(Default)]
pub(super) struct Members(HashMap<(String, String), (Stands, usize)>);

impl Members {
    fn stands(&self, conversation: &str, user: &str) -> (Stands, usize) {
        let key = (conversation.to_owned(), user.to_owned());
        self.0.get(&key).copied().unwrap_or((Stands::Out, 0))
    }

    /// Takes the next step of a member upon oneself, and gives whether that is to join. None while another has.
    fn claim(&mut self, conversation: &str, user: &str) -> Option<bool> {
        let joins = match self.stands(conversation, user).0 {
            Stands::In => false,
            Stands::Out => true,
            Stands::Moving | Stands::Unknown => return None,
        };
        self.set(conversation, user, Stands::Moving);
        Some(joins)
    }

    fn set(&mut self, conversation: &str, user: &str, stands: Stands) {
        let key = (conversation.to_owned(), user.to_owned());
        let (of, steps) = self.0.entry(key).or_insert((Stands::Out, 0));
        (*of, *steps) = (stands, *steps + 1);
    }
}

impl Run {
    /// The founders of a new conversation.
    pub(super) fn found(&self, conversation: &Conversation) {
        let mut members = self.members();
        for user in &conversation.members {
            members.set(&conversation.id, user, Stands::In);
        }
    }

    /// Whether somebody is in it for sure; the same number as before says: all the time.
    pub(super) fn is_in(&self, conversation: &str, user: &str) -> Option<usize> {
        let (stands, steps) = self.members().stands(conversation, user);
        (stands == Stands::In).then_some(steps)
    }

    /// Any that somebody is in, or is just about to join or to leave.
    pub(super) fn any_conversation(&self, of: &Person, rng: &mut StdRng) -> Option<Conversation> {
        let (history, members) = (self.history(), self.members());
        let is_there =
            |id: &str| matches!(members.stands(id, &of.id).0, Stands::In | Stands::Moving);
        let all = history.conversations.iter();
        let mine: Vec<&Conversation> = all.filter(|of| is_there(&of.id)).collect();
        mine.choose(rng).map(|of| (*of).clone())
    }

    /// Adds or removes a member of a group of one's own; leaves another's, now and then.
    pub(super) async fn step(&self, rng: &mut StdRng, me: &Person) {
        let Some(group) = self.any_conversation(me, rng).filter(|of| of.is_group) else {
            return;
        };
        let admin = group.members[0].as_str();
        let who = if admin == me.id {
            let others: Vec<&Person> = self.people.iter().filter(|p| p.id != me.id).collect();
            others.choose(rng).copied()
        } else {
            rng.random_bool(0.3).then_some(me)
        };
        let Some(who) = who else { return };
        let claimed = self.members().claim(&group.id, &who.id);
        let Some(joins) = claimed else { return };
        self.carry_out(rng, me, &group.id, who, joins).await;
    }

    async fn carry_out(
        &self,
        rng: &mut StdRng,
        me: &Person,
        group: &str,
        who: &Person,
        joins: bool,
    ) {
        let all = format!("/v1/conversations/{group}/members");
        let name = if who.id == me.id { "me" } else { &who.id };
        let one = format!("{all}/{name}");
        let body = json!({ "memberIds": [who.id] });
        let (method, path, body) = if joins {
            (Method::POST, &all, Some(&body))
        } else {
            (Method::DELETE, &one, None)
        };
        let instance = self.any_instance(rng);
        let ask = Ask {
            by: me,
            instance,
            method,
            path,
            body,
            conversation: None,
        };
        let asked = self.ask(&ask).await;
        let stands = match asked.done {
            Done::Acked { .. } if joins => Stands::In,
            Done::Acked { .. } => Stands::Out,
            // Which is a wrong answer, and noted as such.
            Done::Failed | Done::Ambiguous => Stands::Unknown,
        };
        self.history().moves.push(Move {
            conversation: group.to_owned(),
            user: who.id.clone(),
            joins,
            instance,
            invoked: asked.invoked,
            done: asked.done,
        });
        self.members().set(group, &who.id, stands);
    }
}
