//! Sends what was written with `deliverAt`: through the writer, under the id that was drawn when it was scheduled, so that
//! it is there once however often it is begun.

use chrono::Utc;

use super::{Shop, work};
use crate::error::Code;
use crate::store::batch::Op;
use crate::store::jobs::{Ending, Taken};
use crate::store::scheduled;

pub async fn send(shop: &Shop, job: &Taken) -> Ending {
    let send = match scheduled::of_job(job) {
        Ok(send) => send,
        // By another version, which may take it next.
        Err(error) => return Ending::Again(work::pause(job.attempts), error.to_string()),
    };
    let Err(error) = shop.writer.write(Op::Send(Box::new(send))).await else {
        return Ending::Done;
    };
    match error.code {
        // Its author has left or was erased, the conversation is closed or gone, or its key was used for something else.
        Code::NotFound
        | Code::TokenInvalid
        | Code::ConversationClosed
        | Code::IdempotencyMismatch
        | Code::InvalidBody => {
            let (code, (why, _)) = (error.code.as_str(), error.code.detail());
            Ending::Moot(format!("{code}: {why}"))
        }
        Code::ShuttingDown => Ending::Later(Utc::now()),
        _ => Ending::Again(work::pause(job.attempts), error.to_string()),
    }
}
