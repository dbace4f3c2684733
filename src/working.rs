//! The jobs' part of an instance's life: what they are done with is put together when the port opens.

use std::sync::{Arc, Mutex, PoisonError};

use rocket::fairing::AdHoc;
use tokio::sync::mpsc;

use crate::config::Config;
use crate::jobs::{self, Bell, Shop};
use crate::live::Live;
use crate::mail::Mailer;
use crate::store::Db;
use crate::store::writer::Writer;

/// Does what is done later, until the instance drains. So long `working` is held.
pub fn run(
    config: Config,
    mailer: Option<Mailer>,
    live: Arc<Live>,
    writer: Writer,
    working: mpsc::Sender<()>,
) -> AdHoc {
    let mailer = Mutex::new(mailer);
    AdHoc::on_liftoff("jobs", move |rocket| {
        Box::pin(async move {
            let mailer = mailer.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let (Some(db), Some(bell)) = (rocket.state::<Db>(), rocket.state::<Arc<Bell>>()) {
                let settings = config.jobs;
                let shop = Shop {
                    db: db.clone(),
                    writer,
                    live,
                    config,
                    mailer,
                };
                tokio::spawn(jobs::run(Arc::new(shop), bell.clone(), settings, working));
            }
        })
    })
}
