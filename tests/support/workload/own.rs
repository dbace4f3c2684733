//! What writers do with their own messages: each edits and deletes those it sent itself, one change after the other.

use rand::Rng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;

use super::Run;
use super::ask::Ask;
use crate::support::Person;
use crate::support::history::{Done, Edit};

/// So many of the newest may still be changed.
const KEPT: usize = 8;

/// A message that its writer may change.
pub(super) struct Own {
    pub message: String,
    pub conversation: String,
    pub key: String,
    pub edits: usize,
}

impl Run {
    /// Edits, or deletes, any of them. One that nobody knows the fate of is left alone from then on.
    pub(super) async fn change(
        &self,
        rng: &mut StdRng,
        me: &Person,
        own: &mut Vec<Own>,
        deletes: bool,
    ) {
        own.drain(..own.len().saturating_sub(KEPT));
        if own.is_empty() {
            return;
        }
        let mut of = own.swap_remove(rng.random_range(0..own.len()));
        of.edits += 1;
        let text = format!("This is {}, better by {}.", of.key, of.edits);
        let path = format!("/v1/messages/{}", of.message);
        let body = json!({ "content": text });
        let instance = self.any_instance(rng);
        let ask = Ask {
            by: me,
            instance,
            method: if deletes {
                Method::DELETE
            } else {
                Method::PATCH
            },
            path: &path,
            body: (!deletes).then_some(&body),
            conversation: Some(&of.conversation),
        };
        let asked = self.ask(&ask).await;
        self.history().edits.push(Edit {
            message: of.message.clone(),
            conversation: of.conversation.clone(),
            instance,
            invoked: asked.invoked,
            text: (!deletes).then_some(text),
            done: asked.done,
        });
        if !deletes && asked.done != Done::Ambiguous {
            own.push(of);
        }
    }
}
