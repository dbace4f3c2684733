//! The end of a run: the whole log for everybody, by every transport, and everything that is left to see.

use std::sync::atomic::Ordering;

use super::action::Action;
use super::run::{PEOPLE, Run};
use super::snapshot::Snapshot;
use super::world::By;
use super::{Failure, Figures, Kind, MEMORY, STORE, checks, feed, receipts};

impl Run<'_> {
    pub(super) async fn end(mut self) -> Result<Figures, Failure> {
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
                checks::transports(host, world, person, &from, true).await?
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
            if of % 3 == 0 {
                checks::conversation(&self.host, &self.world, 0, of, of).await?;
            }
        }
        checks::revisions(&self.host, &self.world, STORE).await?;
        self.deliver().await?;
        self.figures.requests = self.host.asked.load(Ordering::Relaxed);
        self.figures.conversations = self.world.conversations.len();
        Ok(self.figures)
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
        let text = self.world.new_text(false);
        let send = Action::Send {
            by: By::Person(0),
            conversation: of,
            text,
            reply_to: None,
            key: None,
        };
        self.act(&send, MEMORY).await?;
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
