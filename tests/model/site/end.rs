//! The end of a run: the whole log for everybody, by every transport, and everything that is left to see.

use std::sync::atomic::Ordering;

use super::action::{Action, Create};
use super::run::{PEOPLE, Run};
use super::snapshot::Snapshot;
use super::world::By;
use super::{Failure, Figures, Kind, MEMORY, STORE, checks, feed, receipts};

impl Run<'_> {
    pub(super) async fn end(mut self) -> Result<Figures, Failure> {
        self.rare().await?;
        for person in 0..PEOPLE {
            let Self {
                host,
                world,
                start,
                figures,
                ..
            } = &mut self;
            let from = if person % 2 == 0 {
                start.clone()
            } else {
                "0".to_owned()
            };
            // Of those whose feed is not compared by every way, memory's is: the model knows what it holds.
            let reading = if person < 2 {
                checks::transports(host, world, person, &from, person == 0).await?
            } else {
                feed::read(
                    host,
                    world,
                    person,
                    if person == 3 { STORE } else { MEMORY },
                    &from,
                    200,
                )
                .await?
            };
            feed::check(world, person, 0, &reading.events)?;
            figures.events += reading.events.len();
            let snapshot = Snapshot::take(host, world, person, person).await?;
            checks::fresh(world, person, &snapshot)?;
            checks::counts(host, world, person, &snapshot.cursor).await?;
        }
        for person in 0..3 {
            checks::device(
                &self.host,
                &mut self.world,
                &mut self.devices[person],
                person,
            )
            .await?;
        }
        for of in self.world.list(0, false) {
            if of % 5 == 0 {
                checks::conversation(&self.host, &self.world, 0, of, of).await?;
            }
        }
        checks::revisions(&self.host, &self.world, STORE).await?;
        self.deliver().await?;
        self.figures.requests = self.host.asked.load(Ordering::Relaxed);
        self.figures.conversations = self.world.conversations.len();
        Ok(self.figures)
    }

    /// What chance brings together too seldom: somebody reads unseen, somebody misses a stretch of a group, and what was
    /// answered changes.
    async fn rare(&mut self) -> Result<(), Failure> {
        let (by, gone) = (By::Person(0), PEOPLE - 2);
        let people = vec![(gone, false), (1, false)];
        let create = Create {
            by: Some(0),
            is_group: true,
            people,
            ..Create::default()
        };
        // First: memory forgets nearly everything by it, and would hide what it keeps wrongly.
        let off = Action::Choose {
            person: 1,
            off: true,
        };
        self.act(&off, MEMORY).await?;
        self.act(&Action::Create(create), MEMORY).await?;
        let conversation = self.world.conversations.len() - 1;
        let mut answered = Vec::new();
        for _ in 0..2 {
            answered.push(self.say(conversation, None).await?);
        }
        let read = Action::Read {
            by: By::Person(1),
            conversation,
            up_to: None,
        };
        self.act(&read, STORE).await?;
        let leave = Action::Remove {
            by: By::Person(gone),
            conversation,
            person: gone,
        };
        self.act(&leave, STORE).await?;
        for message in &answered {
            self.say(conversation, Some(*message)).await?;
        }
        let people = vec![(gone, false)];
        let back = Action::Add {
            by,
            conversation,
            people,
        };
        self.act(&back, STORE).await?;
        let (message, text) = (answered[0], self.world.new_text(false));
        self.act(&Action::Edit { by, message, text }, STORE).await?;
        let message = answered[1];
        self.act(&Action::Erase { by, message }, MEMORY).await
    }

    /// The first person says something; gives the message.
    async fn say(&mut self, to: usize, reply_to: Option<usize>) -> Result<usize, Failure> {
        let send = Action::Send {
            by: By::Person(0),
            conversation: to,
            text: self.world.new_text(false),
            reply_to,
            key: None,
        };
        self.act(&send, MEMORY).await?;
        Ok(self.world.messages.len() - 1)
    }

    /// What a poll's cursor proves is told to the other of two, unless it is not to be told.
    async fn deliver(&mut self) -> Result<(), Failure> {
        let two = (0..self.world.conversations.len()).rev().find(|of| {
            let conversation = &self.world.conversations[*of];
            let all = [0, 1].map(|person| self.world.stretch(person, *of).is_some());
            !conversation.is_group && !conversation.closed && all == [true, true]
        });
        let Some(of) = two else { return Ok(()) };
        self.act(
            &Action::Choose {
                person: 1,
                off: false,
            },
            MEMORY,
        )
        .await?;
        self.say(of, None).await?;
        let last = self.world.conversations[of].last_seq();
        let path = format!("/v1/conversations/{}", self.world.conversations[of].id);
        let began = std::time::Instant::now();
        let mut since = self.start.clone();
        loop {
            since = feed::read(&self.host, &mut self.world, 1, MEMORY, &since, 200)
                .await?
                .cursor;
            let seen = self
                .host
                .get(&self.world, By::Person(0), MEMORY, &path)
                .await?;
            receipts::horizons(&self.world, 0, of, &seen.body)?;
            let status = seen.body["lastMessage"]["status"].as_str();
            if status == Some("DELIVERED") || !self.world.receipts && began.elapsed().as_secs() > 2
            {
                return Ok(());
            }
            let is_late = began.elapsed() > crate::support::PATIENCE;
            Failure::unless(!is_late, Kind::Receipts, || {
                format!("{last} is not delivered: {}", seen.text)
            })?;
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}
