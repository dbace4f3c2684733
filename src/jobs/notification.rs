//! Shows a notification whose time has come.

use chrono::Utc;
use uuid::Uuid;

use super::Shop;
use super::work::pause;
use crate::error::Code;
use crate::model::UserKey;
use crate::store::batch::Op;
use crate::store::jobs::{Ending, Taken};
use crate::store::notified::{Mark, What};

/// Done twice, it is shown once: its row says that it was.
pub(super) async fn show(shop: &Shop, job: &Taken) -> Ending {
    let id = job.payload["notificationId"].as_str();
    let Some(id) = id.and_then(|id| id.parse::<Uuid>().ok()) else {
        return Ending::Dead("no notification is named".to_owned());
    };
    let mark = Mark {
        // Nobody's request: it is the tenant's.
        by: UserKey::new(&job.tenant, ""),
        by_service: true,
        what: What::Shown(id),
    };
    match shop.writer.write(Op::Mark(mark)).await {
        Ok(_) => Ending::Done,
        Err(error) if error.code == Code::ShuttingDown => Ending::Later(Utc::now()),
        Err(error) => Ending::Again(pause(job.attempts), error.to_string()),
    }
}
