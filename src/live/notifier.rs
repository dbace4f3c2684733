//! Tells the other instances to look, from a connection of its own, after the commit and off the sender's path.
//! A NOTIFY inside a write transaction would hold a lock of the whole cluster to the end of the commit.

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

use crate::error::Result;
use crate::store::{bounded, connect_options, log};

/// Says `payload` for each word that comes, as often as they come but never two at once. What is lost costs a second.
pub(super) async fn run(url: String, mut words: mpsc::Receiver<String>) {
    let mut connection = None;
    while let Some(payload) = words.recv().await {
        if let Err(error) = say(&url, &mut connection, &payload).await {
            connection = None;
            tracing::warn!(%error, "a word to the other instances was lost");
            metrics::counter!("causerie_notify_failures_total").increment(1);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn say(url: &str, connection: &mut Option<PgConnection>, payload: &str) -> Result<()> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => connect(url, "causerie-notifier").await?,
    };
    bounded(log::notify(&mut open, payload)).await?;
    *connection = Some(open);
    Ok(())
}

/// A connection to say things on.
pub(super) async fn connect(url: &str, name: &str) -> Result<PgConnection> {
    bounded(async {
        // Nothing is stored, so there is nothing to wait on the disk for.
        let options = connect_options(url)?
            .application_name(name)
            .options([("synchronous_commit", "off")]);
        Ok(PgConnection::connect_with(&options).await?)
    })
    .await
}
