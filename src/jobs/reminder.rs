//! Reminds people of something whose time has come.

use chrono::Utc;
use uuid::Uuid;

use super::Shop;
use super::work::pause;
use crate::error::Code;
use crate::model::ReminderState;
use crate::store::batch::{Op, Outcome};
use crate::store::jobs::{Ending, Taken};
use crate::store::reminded::Remind;

/// Done twice, it fires once: its row says what it came to.
pub(super) async fn fire(shop: &Shop, job: &Taken) -> Ending {
    let id = job.payload["reminderId"].as_str();
    let Some(id) = id.and_then(|id| id.parse::<Uuid>().ok()) else {
        return Ending::Dead("no reminder is named".to_owned());
    };
    let remind = Remind {
        tenant: job.tenant.clone(),
        id,
    };
    let state = match shop.writer.write(Op::Remind(remind)).await {
        Ok(Outcome::Reminded(state)) => state,
        Ok(_) => return Ending::Dead("the writer answered another kind of item".to_owned()),
        Err(error) if error.code == Code::ShuttingDown => return Ending::Later(Utc::now()),
        Err(error) => return Ending::Again(pause(job.attempts), error.to_string()),
    };
    let moot = |why: &str| Ending::Moot(why.to_owned());
    match state {
        Some(ReminderState::Fired) => Ending::Done,
        Some(ReminderState::Expired) => moot("it has expired"),
        Some(ReminderState::Cancelled) => moot("it was cancelled"),
        None => moot("it is kept no more"),
        Some(ReminderState::Waiting) => Ending::Again(
            pause(job.attempts),
            "it waits still after it was fired".to_owned(),
        ),
    }
}
