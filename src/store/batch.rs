//! What can be written, and a batch of it: applied kind by kind. Items that are queued together are concurrent
//! requests, so any order among them is right, and this one makes each kind a few statements whatever its number.

use super::create::{Create, Created};
use super::create_all;
use super::log::LogTransaction;
use super::members::{self, Hide, Read};
use super::send::{self, Send, Sent};
use super::users::{self, Choice, Sighting};
use crate::error::{Code, Result};
use crate::model::Receipt;

/// One item of the writer.
#[derive(Debug, Clone)]
pub enum Op {
    Profiles(Vec<Sighting>),
    Choose(Choice),
    Create(Box<Create>),
    Send(Box<Send>),
    Read(Read),
    Hide(Hide),
}

/// What became of it, kind by kind.
#[derive(Debug, Clone)]
pub enum Outcome {
    Done,
    Created(Created),
    Sent(Box<Sent>),
    Read(Receipt),
}

impl Op {
    /// About how much text it carries.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Send(send) => send.message.content.len() + 1024,
            Self::Create(create) => 64 * create.members.len() + 16 * 1024,
            Self::Profiles(profiles) => 16 * 1024 * profiles.len(),
            Self::Read(_) | Self::Hide(_) | Self::Choose(_) => 128,
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

/// Writes all of them. The outer error fails the transaction; each inner one is its item's own answer.
pub async fn apply(log: &mut LogTransaction<'_>, ops: &[&Op]) -> Result<Vec<Result<Outcome>>> {
    let mut outcomes: Vec<Result<Outcome>> = ops.iter().map(|_| Ok(Outcome::Done)).collect();

    let profiles: Vec<&Sighting> = ops
        .iter()
        .flat_map(|op| {
            if let Op::Profiles(list) = op {
                list.as_slice()
            } else {
                &[]
            }
        })
        .collect();
    if !profiles.is_empty() {
        users::put_all(log, &profiles).await?;
    }

    let (_, choices): (Vec<usize>, Vec<&Choice>) = of_kind!(ops, Choose);
    for choice in choices {
        users::choose(log, choice).await?;
    }

    create_and_send(log, ops, &mut outcomes).await?;

    let (at, reads): (Vec<usize>, Vec<&Read>) = of_kind!(ops, Read);
    if !reads.is_empty() {
        for (i, receipt) in at.into_iter().zip(members::read_all(log, &reads).await?) {
            outcomes[i] = receipt.map(Outcome::Read);
        }
    }

    let (at, hides): (Vec<usize>, Vec<&Hide>) = of_kind!(ops, Hide);
    if !hides.is_empty() {
        for (i, hidden) in at.into_iter().zip(members::hide_all(log, &hides).await?) {
            outcomes[i] = hidden.map(|()| Outcome::Done);
        }
    }
    Ok(outcomes)
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
