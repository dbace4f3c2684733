//! Whom a user may see: read from Postgres when the user first asks who is there, and again when their conversations
//! have changed.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use uuid::Uuid;

use super::Live;
use super::ephemeral::add;
use super::feed::Feed;
use super::person::Person;
use super::view::Shown;
use crate::store::Db;
use crate::store::presence::{self, Seen};

/// Contacts are the people of this many of a user's newest conversations.
const LOOKED_AT: usize = 100;
/// The longest a poll waits to know who is there.
const PATIENCE: Duration = Duration::from_secs(2);

impl Live {
    /// Who types and who is there, for one user. Reads Postgres when the user's conversations have changed, else nothing.
    pub async fn ephemeral(&self, db: &Db, feed: &Arc<Feed>) -> Arc<Shown> {
        if feed.view.is_due() && self.is_sure() {
            Box::pin(self.read_contacts(db, feed)).await;
        }
        feed.shown()
    }

    async fn read_contacts(&self, db: &Db, feed: &Arc<Feed>) {
        let is_first = feed.view.was_never_read();
        let Some(claim) = feed.view.claim() else {
            return;
        };
        if is_first {
            // Those who began before this feed was there.
            let present = self.ephemeral.typists.present();
            present.iter().for_each(|one| add(feed, one));
        }
        let Ok(_permit) = self.catch_ups.try_acquire() else {
            return feed.view.put_off();
        };
        let conversations = feed.newest(LOOKED_AT);
        let read = presence::contacts(db, &feed.key, conversations.clone());
        match timeout(PATIENCE, read).await {
            Ok(Ok(contacts)) => {
                self.set_contacts(feed, conversations, &contacts);
                feed.view.keep(&claim);
            }
            // Who is there is no reason to refuse a poll, nor to let it wait. The claim has it tried again in a while.
            Ok(Err(error)) => tracing::warn!(%error, "contacts were not read"),
            Err(_) => tracing::warn!("contacts were not read in time"),
        }
    }

    fn set_contacts(&self, feed: &Arc<Feed>, conversations: Vec<Uuid>, seen: &[Seen]) {
        let intern = |seen: &Seen| {
            // Watched while its place in the map is held: what nobody watches is forgotten.
            let person = self.ephemeral.people.entry(seen.key.clone());
            let person = person.or_insert_with(|| Arc::new(Person::new(seen.key.clone())));
            person.watch(feed);
            person.clone()
        };
        let contacts: Vec<_> = seen.iter().map(intern).collect();
        let before = feed.view.set_contacts(conversations, contacts.clone());
        let now: HashSet<_> = contacts.iter().map(|one| &one.key).collect();
        for gone in before.iter().filter(|person| !now.contains(&person.key)) {
            gone.unwatch(feed);
        }
        self.ephemeral.learn(seen);
    }
}
