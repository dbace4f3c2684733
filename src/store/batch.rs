//! What can be written, and a batch of it: applied kind by kind. Items that are queued together are concurrent
//! requests, so any order among them is right, and this one makes each kind that is frequent a few statements whatever
//! its number. What is a person's own click (archiving, renaming, preferences) goes one by one.

use super::blanking::{self, Blank};
use super::changes::{self, Alter};
use super::create::{Create, Created};
use super::create_all;
use super::deliveries::{self, Deliver};
use super::edits::{self, Edit};
use super::erasure::{self, Erase};
use super::joins::{self, Add};
use super::log::LogTransaction;
use super::notified::{self, Mark};
use super::notify::{self, Notified, Notify};
use super::receipts::{self, Moved, Read};
use super::reminded::{self, Remind};
use super::roles::{self, Manage};
use super::send::{self, Send, Sent};
use super::status::{self, Put};
use super::users::{self, Choice, Sighting};
use crate::error::{Code, Result};
use crate::model::{Message, ReminderState, UserKey};

/// One item of the writer.
#[derive(Debug, Clone)]
pub enum Op {
    Profiles(Vec<Sighting>),
    Choose(Choice),
    Create(Box<Create>),
    Add(Add),
    Send(Box<Send>),
    Edit(Edit),
    Read(Read),
    Deliver(Deliver),
    Put(Put),
    Manage(Manage),
    Alter(Alter),
    Notify(Box<Notify>),
    Mark(Mark),
    Remind(Remind),
    Erase(Erase),
    Blank(Blank),
}

/// What became of it, kind by kind.
#[derive(Debug, Clone)]
pub enum Outcome {
    Done,
    Created(Created),
    Sent(Box<Sent>),
    Edited(Box<Message>),
    Read(Moved),
    /// Whether some of it came too early, and is to be said again.
    Delivered(bool),
    /// How many rows there were to blank.
    Blanked(u64),
    Notified(Notified),
    /// How many notifications it has changed.
    Marked(u64),
    /// What the reminder has come to, now or before; none where it is kept no more.
    Reminded(Option<ReminderState>),
}

impl Op {
    /// About how much text it carries.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Send(send) => send.message.bytes(),
            Self::Create(create) => 64 * create.members.len() + 16 * 1024,
            Self::Add(add) => 1024 * add.members.len(),
            Self::Profiles(profiles) => 16 * 1024 * profiles.len(),
            Self::Edit(_) | Self::Alter(_) => 64 * 1024,
            Self::Deliver(deliver) => 128 * deliver.horizons.len(),
            Self::Read(_) | Self::Put(_) | Self::Manage(_) | Self::Choose(_) => 128,
            Self::Notify(notify) => 4096 + 1024 * notify.to.len(),
            Self::Mark(_) => 8 * 1024,
            Self::Erase(_) => 64 * 1024,
            // A few of them are a batch.
            Self::Blank(_) => 256 * 1024,
            // For as many as 1,000 people: one is a batch.
            Self::Remind(_) => 1024 * 1024,
        }
    }

    /// Who asks, where a person does: profiles and horizons of many, and what the service does itself, have no one.
    pub(super) fn by(&self) -> Option<&UserKey> {
        match self {
            Self::Choose(choice) => Some(&choice.by),
            Self::Create(create) => Some(&create.by),
            Self::Add(add) => Some(&add.by),
            Self::Send(send) => Some(&send.by),
            Self::Edit(edit) => Some(&edit.by),
            Self::Read(read) => Some(&read.by),
            Self::Put(put) => Some(&put.by),
            Self::Manage(manage) => Some(&manage.by),
            Self::Alter(alter) => Some(&alter.by),
            Self::Notify(notify) => Some(&notify.by),
            Self::Mark(mark) => Some(&mark.by),
            Self::Erase(erase) => Some(&erase.by),
            Self::Profiles(_) | Self::Deliver(_) | Self::Remind(_) | Self::Blank(_) => None,
        }
    }
}

/// Picks the items of one kind, with their place in the batch.
macro_rules! of_kind {
    ($ops:expr, $kind:ident) => {
        $ops.iter()
            .enumerate()
            .filter_map(|(i, op)| match op {
                Op::$kind(item) => Some((i, item)),
                _ => None,
            })
            .unzip()
    };
}

/// Applies the items of one kind, if there are any, and makes each one's result its outcome.
macro_rules! apply_kind {
    ($log:ident, $ops:ident, $outcomes:ident, $kind:ident, $apply:path, $outcome:expr) => {
        let (at, items): (Vec<usize>, Vec<_>) = of_kind!($ops, $kind);
        if !items.is_empty() {
            for (i, result) in at.into_iter().zip($apply($log, &items).await?) {
                $outcomes[i] = result.map($outcome);
            }
        }
    };
}

/// Writes all of them. The outer error fails the transaction; each inner one is its item's own answer.
pub async fn apply(log: &mut LogTransaction<'_>, ops: &[&Op]) -> Result<Vec<Result<Outcome>>> {
    if !log.is_erasing {
        return apply_all(log, ops).await;
    }
    let refused = erasure::of_the_erased(log, ops).await?;
    let rest = ops.iter().enumerate();
    let rest = rest.filter(|(i, _)| !refused.contains(i));
    let rest: Vec<&Op> = rest.map(|(_, op)| *op).collect();
    let mut outcomes = apply_all(log, &rest).await?.into_iter();
    let mut outcome = |i: &usize| match refused.contains(i) {
        true => Err(Code::TokenInvalid.into()),
        false => outcomes.next().unwrap_or_else(|| Err(mismatch())),
    };
    Ok((0..ops.len()).map(|i| outcome(&i)).collect())
}

async fn apply_all(log: &mut LogTransaction<'_>, ops: &[&Op]) -> Result<Vec<Result<Outcome>>> {
    let mut outcomes: Vec<Result<Outcome>> = ops.iter().map(|_| Ok(Outcome::Done)).collect();
    put_people(log, ops).await?;
    apply_kind!(log, ops, outcomes, Add, joins::add_all, |()| Outcome::Done);
    create_and_send(log, ops, &mut outcomes).await?;
    let edited = |message| Outcome::Edited(Box::new(message));
    apply_kind!(log, ops, outcomes, Edit, edits::edit_all, edited);
    apply_kind!(log, ops, outcomes, Read, receipts::read_all, Outcome::Read);
    let deliver = deliveries::deliver_all;
    apply_kind!(log, ops, outcomes, Deliver, deliver, Outcome::Delivered);
    apply_kind!(log, ops, outcomes, Put, status::put_all, |()| Outcome::Done);
    // Whoever leaves in this batch has sent before, and sees nothing after.
    apply_kind!(log, ops, outcomes, Manage, roles::manage_all, |()| {
        Outcome::Done
    });
    apply_kind!(log, ops, outcomes, Alter, changes::alter_all, |()| {
        Outcome::Done
    });
    notify(log, ops, &mut outcomes).await?;
    // Last: what was written in this batch is below it, and hidden.
    apply_kind!(log, ops, outcomes, Erase, erasure::erase_all, |()| {
        Outcome::Done
    });
    let blank = blanking::blank_all;
    apply_kind!(log, ops, outcomes, Blank, blank, Outcome::Blanked);
    Ok(outcomes)
}

/// Notifications are made before they are read: an answer may have come before the question's commit.
async fn notify(
    log: &mut LogTransaction<'_>,
    ops: &[&Op],
    outcomes: &mut [Result<Outcome>],
) -> Result<()> {
    let (at, items): (Vec<usize>, Vec<&Box<Notify>>) = of_kind!(ops, Notify);
    if !items.is_empty() {
        let items: Vec<&Notify> = items.iter().map(|item| &***item).collect();
        let made = notify::notify_all(log, &items).await?;
        for (i, made) in at.into_iter().zip(made) {
            outcomes[i] = made.map(Outcome::Notified);
        }
    }
    let fire = reminded::fire_all;
    apply_kind!(log, ops, outcomes, Remind, fire, Outcome::Reminded);
    apply_kind!(
        log,
        ops,
        outcomes,
        Mark,
        notified::mark_all,
        Outcome::Marked
    );
    Ok(())
}

async fn put_people(log: &mut LogTransaction<'_>, ops: &[&Op]) -> Result<()> {
    let profiles = ops.iter().filter_map(|op| match op {
        Op::Profiles(list) => Some(list),
        _ => None,
    });
    let profiles: Vec<&Sighting> = profiles.flatten().collect();
    if !profiles.is_empty() {
        users::put_all(log, &profiles).await?;
    }
    let (_, choices): (Vec<usize>, Vec<&Choice>) = of_kind!(ops, Choose);
    for choice in choices {
        users::choose(log, choice).await?;
    }
    Ok(())
}

/// Conversations and messages: what is sent with a new conversation goes before what is sent to it.
async fn create_and_send(
    log: &mut LogTransaction<'_>,
    ops: &[&Op],
    outcomes: &mut [Result<Outcome>],
) -> Result<()> {
    let (at, creates): (Vec<usize>, Vec<&Box<Create>>) = of_kind!(ops, Create);
    let mut with_creates = Vec::new();
    if !creates.is_empty() {
        let creates: Vec<&Create> = creates.iter().map(|create| &***create).collect();
        for ((i, create), created) in at
            .into_iter()
            .zip(&creates)
            .zip(create_all::create_all(log, &creates).await?)
        {
            if let Ok(created) = &created {
                with_creates.extend(
                    create
                        .messages(*created)
                        .map(|send| (i, created.is_new, send)),
                );
            }
            outcomes[i] = created.map(Outcome::Created);
        }
    }

    let (at, sends): (Vec<usize>, Vec<&Box<Send>>) = of_kind!(ops, Send);
    let all: Vec<&Send> = with_creates
        .iter()
        .map(|(_, _, send)| send)
        .chain(sends.iter().map(|send| &***send))
        .collect();
    if !all.is_empty() {
        let mut sent = send::send_all(log, &all).await?.into_iter();
        for ((i, is_new, _), sent) in with_creates.iter().zip(sent.by_ref()) {
            match sent {
                Ok(_) => {}
                // Nothing half done: a new conversation is not made without its first message. The writer takes the
                // batch apart until this item stands, and falls, alone.
                Err(error) if *is_new => return Err(error),
                Err(error) => outcomes[*i] = Err(error),
            }
        }
        for (i, sent) in at.into_iter().zip(sent) {
            outcomes[i] = sent.map(|sent| Outcome::Sent(Box::new(sent)));
        }
    }
    Ok(())
}

/// The answer to an item of one kind is of that kind.
pub fn mismatch() -> crate::error::Error {
    crate::error::Error::from(Code::Internal).because("the writer answered another kind of item")
}
