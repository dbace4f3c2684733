//! Leaving without anybody losing anything: not ready first, then the port closes, then the clients are told: whoever
//! comes back must find another instance, not this one again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rocket::fairing::AdHoc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::sleep;

use crate::live::Live;

/// For `/readyz`.
#[derive(Debug, Default)]
pub struct Readiness(AtomicBool);

impl Readiness {
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// While an instance leaves, no kept-alive connection is to be taken for the next request in the moment of its closing.
pub fn closing_connections() -> AdHoc {
    AdHoc::on_response("closing connections", |request, response| {
        let readiness = request.rocket().state::<Arc<Readiness>>();
        if readiness.is_some_and(|readiness| readiness.is_stopping()) {
            response.set_raw_header("Connection", "close");
        }
        Box::pin(async {})
    })
}

/// How long a load balancer may take to see that this instance is not ready any more.
const NOTICE: Duration = Duration::from_secs(2);

/// Waits for SIGTERM or SIGINT, closes the port and sends the clients away, for which Rocket's `grace` gives them time. A
/// second signal cuts short the notice, not that.
pub async fn on_signal(
    readiness: Arc<Readiness>,
    live: Arc<Live>,
    rocket: rocket::Shutdown,
) -> std::io::Result<()> {
    let (mut term, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    let is_deploy = tokio::select! { _ = term.recv() => true, _ = interrupt.recv() => false };
    tracing::info!("stopping: not ready any more");
    readiness.stop();
    // Pages that poll are not seen here between two polls: a deploy waits for its load balancer in any case. At a
    // terminal, with nobody here, there is nobody to wait for.
    if is_deploy || live.seats_taken() > 0 {
        tokio::select! { () = sleep(NOTICE) => {}, _ = term.recv() => {}, _ = interrupt.recv() => {} }
    }
    tracing::info!("stopping: the port closes");
    rocket.notify();
    tracing::info!(
        clients = live.seats_taken(),
        "stopping: clients are sent away"
    );
    live.drain();
    Ok(())
}
