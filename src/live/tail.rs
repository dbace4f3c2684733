//! The one task of an instance that follows the log: read everything after what is applied, apply it in order, wait
//! for a word or a second. What the local writer has committed it need not read: that is handed to it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use sqlx::{Connection, PgConnection};
use tokio::sync::mpsc;

use super::{Live, RingSize};
use crate::error::{Code, Error, Result};
use crate::model::Cursor;
use crate::store::committed::Committed;
use crate::store::log::{self, LogPage};
use crate::store::render::{Rendered, render, render_committed};
use crate::store::{POINT_LOOK_UPS, connect_options, identity};

/// Most rows read in one go; fewer after a page that was not read in time, so that a slow page is not asked for for ever.
const PAGE: i64 = 1000;
/// Losing every word from the others costs at most this.
const SWEEP: Duration = Duration::from_secs(1);
/// A database that stands still does not answer, and its own time-outs do not fire.
const READ_TIMEOUT: Duration = Duration::from_secs(3);
const SWEEP_FEEDS: Duration = Duration::from_secs(5);

pub(super) struct Tail {
    live: Arc<Live>,
    url: String,
    ring: RingSize,
    handed: mpsc::Receiver<Committed>,
    page: i64,
}

/// What woke the tail.
#[derive(PartialEq, Eq)]
enum Why {
    Told,
    Sweep,
}

impl Tail {
    pub(super) fn new(
        live: Arc<Live>,
        url: String,
        ring: RingSize,
        handed: mpsc::Receiver<Committed>,
    ) -> Self {
        Self {
            live,
            url,
            ring,
            handed,
            page: PAGE,
        }
    }

    /// Follows the log for as long as the process lives, whatever happens to its connection.
    pub(super) async fn run(mut self) {
        let mut pause = Duration::from_millis(50);
        loop {
            let started = Instant::now();
            let Err(error) = self.follow().await;
            tracing::warn!(%error, "the tail lost its connection");
            counter!("causerie_tail_reconnects_total").increment(1);
            pause = if started.elapsed() > Duration::from_secs(10) {
                Duration::from_millis(50)
            } else {
                (pause * 2).min(Duration::from_secs(1))
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One connection's life.
    async fn follow(&mut self) -> Result<std::convert::Infallible> {
        let mut connection = in_time(async {
            let options = connect_options(&self.url)?
                .application_name("causerie-tail")
                .options([("statement_timeout", "5s")])
                .options(POINT_LOOK_UPS);
            let mut connection = PgConnection::connect_with(&options).await?;
            let seen = *self.live.applied.borrow();
            identity::check(&mut connection, seen).await?;
            Ok(connection)
        })
        .await?;
        let mut swept = Instant::now();
        let mut why = Why::Sweep;
        loop {
            self.catch_up(&mut connection, why).await?;
            if swept.elapsed() > SWEEP_FEEDS {
                swept = Instant::now();
                self.live.sweep();
            }
            why = self.take_handed().await;
        }
    }

    /// Applies what the local writer hands over until there is a reason to read the log: a word, a commit that does not
    /// go on where this instance stands (another's came between), or a second.
    async fn take_handed(&mut self) -> Why {
        let due = tokio::time::Instant::now() + SWEEP;
        let mut is_quiet = true;
        loop {
            tokio::select! {
                () = self.live.poke.notified() => return Why::Told,
                () = tokio::time::sleep_until(due) => return if is_quiet { Why::Sweep } else { Why::Told },
                Some(committed) = self.handed.recv() => if !self.apply_handed(committed) { return Why::Told },
            }
            is_quiet = false;
        }
    }

    /// Gives whether this instance stands where the commit ends, or further.
    fn apply_handed(&self, committed: Committed) -> bool {
        let Some(applied) = *self.live.applied.borrow() else {
            return false;
        };
        let (after, began, place) = (committed.after, committed.began, committed.place());
        if after.epoch == applied.epoch && place.position <= applied.position {
            return true;
        }
        if after != applied {
            return false;
        }
        let Some(events) = render_committed(committed) else {
            return false;
        };
        measure(&events);
        self.live.push(events, place, Some(began));
        true
    }

    /// Reads and applies until there is nothing more.
    async fn catch_up(&mut self, connection: &mut PgConnection, why: Why) -> Result<()> {
        let began = Instant::now();
        let result = self.read_on(connection, why).await;
        if result.is_err() && began.elapsed() >= READ_TIMEOUT {
            self.page = (self.page / 4).max(1);
        }
        result
    }

    async fn read_on(&mut self, connection: &mut PgConnection, mut why: Why) -> Result<()> {
        loop {
            let began = Instant::now();
            let applied = *self.live.applied.borrow();
            let from = applied.map_or(0, |applied| applied.position);
            let limit = self.page;
            let page = in_time(log::after(connection, from, limit)).await?;
            let Some(applied) = applied.filter(|applied| applied.epoch == page.epoch) else {
                // The first read, or another log than before: start as far back as the ring reaches.
                let start = (page.head - self.ring.events.min(10_000) as i64).max(page.floor);
                self.live.reset(&page, start);
                continue;
            };
            if page.head < applied.position {
                return Err(
                    Error::from(Code::Unavailable).because("the log ends below what was applied")
                );
            }
            let read = page.rows.len();
            if why == Why::Sweep && read > 0 {
                counter!("causerie_events_found_by_sweep_total").increment(read as u64);
            }
            why = Why::Told;
            gauge!("causerie_tail_lag_positions").set((page.head - applied.position) as f64);
            let newest = page.rows.last().map(|row| row.position);
            let full = read as i64 == limit && newest.is_some_and(|newest| newest < page.head);
            self.apply(connection, page, applied, began, full).await?;
            self.page = (limit * 2).min(PAGE);
            if !full {
                return Ok(());
            }
        }
    }

    /// Applies one page, read by a statement that began at `began`; one that is not `full` reaches the head.
    async fn apply(
        &self,
        connection: &mut PgConnection,
        page: LogPage,
        applied: Cursor,
        began: Instant,
        full: bool,
    ) -> Result<()> {
        let LogPage {
            epoch,
            floor,
            head,
            rows,
        } = page;
        self.live.log_floor.store(floor, Ordering::Release);
        let up_to = if full {
            rows.last().map_or(applied.position, |row| row.position)
        } else {
            head.max(applied.position)
        };
        if rows.is_empty() && up_to == applied.position {
            self.live.confirm(began);
            return Ok(());
        }
        let events = in_time(render(connection, epoch, rows)).await?;
        measure(&events);
        let place = Cursor {
            epoch,
            position: up_to,
        };
        self.live.push(events, place, (!full).then_some(began));
        Ok(())
    }
}

fn measure(events: &[Rendered]) {
    let now = chrono::Utc::now();
    for event in events {
        let age = (now - event.row.occurred_at).to_std().unwrap_or_default();
        histogram!("causerie_delivery_seconds").record(age.as_secs_f64());
    }
    counter!("causerie_events_applied_total").increment(events.len() as u64);
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match tokio::time::timeout(READ_TIMEOUT, work).await {
        Ok(result) => result,
        Err(_) => {
            Err(Error::from(Code::Unavailable)
                .because("the database did not answer the tail in time"))
        }
    }
}
