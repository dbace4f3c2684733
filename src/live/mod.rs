//! The newest part of the log and of each active user's feed, in memory, already serialised.
//!
//! The tail pushes, readers watch and read. The order is the same everywhere: **watch → read → wait**. Whoever read
//! first would miss what is pushed between its read and its registration, and sleep on it.
//! Knows ids, positions and bytes; neither HTTP nor SQL text.

mod arrival;
mod batch;
mod beat;
mod birth;
mod clock;
mod contacts;
mod core;
mod ephemeral;
mod feed;
mod fresh;
mod held;
mod listener;
mod notifier;
mod person;
mod presence;
mod ring;
mod seat;
mod speaker;
mod standing;
mod state;
mod sweep;
mod tail;
mod typing;
mod view;
mod watch;

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use tokio::sync::{Notify, Semaphore, mpsc, watch as channel};
use uuid::Uuid;

pub use batch::{Batch, Miss, Unread};
use core::Core;
use ephemeral::Ephemeral;
pub use feed::Feed;
use feed::Membership;
use fresh::NEVER;
pub use held::Held;
pub use seat::Seat;
pub use view::Shown;
pub use watch::Watch;

use crate::model::{Cursor, EventKind, Position, UserKey};
use crate::store::committed::Committed;
use crate::store::conversations::Newest;
use crate::store::log::LogPage;
use crate::store::render::Rendered;

/// Commits of this instance that wait for the tail, at most; of more it reads the log instead.
const HANDED: usize = 16;

/// The live part of an instance.
pub struct Live {
    core: Mutex<Core>,
    feeds: DashMap<UserKey, Arc<Feed>>,
    /// How far the log is applied here; none until the first read.
    applied: channel::Sender<Option<Cursor>>,
    /// Everything at or below is no longer in the ring.
    ring_floor: AtomicI64,
    /// Everything at or below was pruned from the log.
    log_floor: AtomicI64,
    refresh_below: AtomicI64,
    started: Instant,
    /// Milliseconds after `started` at which the newest successful read of the log began; `NEVER` before the first.
    confirmed: AtomicU64,
    draining: AtomicBool,
    /// Streams and waits that are open.
    seats: Arc<AtomicUsize>,
    listening: AtomicBool,
    /// Rung when the tail should look at once.
    pub poke: Arc<Notify>,
    /// Births and catch-ups read Postgres only as many at a time: a storm of them must not starve the rest.
    catch_ups: Semaphore,
    /// Who types and who is there.
    ephemeral: Ephemeral,
    /// Taken in turn by those who read anew what has changed in a conversation; which of them, its id decides.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

const TURNS: usize = 16;

/// How much of the log is kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct RingSize {
    pub events: usize,
    pub bytes: usize,
}

impl Live {
    pub fn new(size: RingSize, catch_ups: usize, presence: Duration) -> Arc<Self> {
        Arc::new(Self {
            core: Mutex::new(Core::new(size)),
            feeds: DashMap::new(),
            applied: channel::Sender::new(None),
            ring_floor: AtomicI64::new(0),
            log_floor: AtomicI64::new(0),
            refresh_below: AtomicI64::new(0),
            started: Instant::now(),
            confirmed: AtomicU64::new(NEVER),
            draining: AtomicBool::new(false),
            seats: Arc::default(),
            listening: AtomicBool::new(false),
            poke: Arc::new(Notify::new()),
            catch_ups: Semaphore::new(catch_ups),
            turns: Default::default(),
            ephemeral: Ephemeral::new(presence),
        })
    }

    /// Starts following the log: the tail, the listener and the notifier. Gives where the writer hands its commits to
    /// the tail, and where it announces them to the others.
    pub fn start(
        self: &Arc<Self>,
        url: &str,
        listen_url: &str,
        ring: RingSize,
    ) -> (mpsc::Sender<Committed>, mpsc::Sender<()>) {
        let (handed, commits) = mpsc::channel(HANDED);
        // One place is enough: "look" said twice says no more than once.
        let (committed, announce) = mpsc::channel(1);
        tokio::spawn(tail::Tail::new(self.clone(), url.to_owned(), ring, commits).run());
        listener::start(
            self.clone(),
            url.to_owned(),
            listen_url.to_owned(),
            announce,
        );
        self.start_ephemeral(url.to_owned());
        (handed, committed)
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where to look for a page of `limit` conversations, when the user's feed is here and has many.
    pub fn newest(&self, me: &UserKey, before: Option<Position>, limit: i64) -> Option<Newest> {
        // Read before the feed: everything up to it is in the feed by then.
        let applied = self.place()?;
        let feed = self.feeds.get(me)?.clone();
        Some(Newest::pick(feed.by_activity()?, before, limit, applied))
    }

    /// One's turn to read a conversation's changed events: who waited for it finds them read.
    pub async fn turn_to_read(&self, conversation: Uuid) -> tokio::sync::MutexGuard<'_, ()> {
        let turn = conversation.as_u128() as usize % TURNS;
        self.turns[turn].lock().await
    }

    pub fn applied(&self) -> channel::Receiver<Option<Cursor>> {
        self.applied.subscribe()
    }

    /// Everything at or below was pruned: a cursor below it has missed something.
    pub fn log_floor(&self) -> Position {
        self.log_floor.load(Ordering::Acquire)
    }

    /// A quiet reader whose cursor is below this is given a newer one.
    pub fn refresh_below(&self) -> Position {
        self.refresh_below.load(Ordering::Relaxed)
    }

    pub fn feeds_held(&self) -> usize {
        self.feeds.len()
    }

    /// Whether commits of other instances are heard at once, and not only found by the sweep.
    pub fn is_listening(&self) -> bool {
        self.listening.load(Ordering::Relaxed)
    }

    /// Shutdown has begun: waits are to be answered and streams to say goodbye.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wake_all();
    }

    /// A place among a user's streams or waits, or none when they are too many.
    pub fn seat(&self, feed: &Arc<Feed>, is_stream: bool, max: u32) -> Option<Seat> {
        Seat::take(feed, is_stream, max, &self.seats)
    }

    /// Streams and waits that are open here.
    pub fn seats_taken(&self) -> usize {
        self.seats.load(Ordering::Acquire)
    }

    /// Makes whoever waits for this user's feed look again.
    pub fn wake(&self, user: &UserKey) {
        if let Some(feed) = self.feeds.get(user) {
            feed.wake();
        }
    }

    pub fn wake_all(&self) {
        for feed in &self.feeds {
            feed.wake();
        }
    }

    /// Ends a user's feed and all of every user: the log is another one. Readers find their cursors expired.
    fn reset(&self, page: &LogPage, start: Position) {
        let mut core = self.core();
        core.ring.clear(start);
        core.by_conversation.clear();
        core.history.clear();
        self.confirmed.store(NEVER, Ordering::Release);
        self.refresh_below.store(0, Ordering::Relaxed);
        self.ring_floor.store(start, Ordering::Release);
        self.applied.send_replace(Some(Cursor {
            epoch: page.epoch,
            position: start,
        }));
        core.orphans
            .extend(self.feeds.iter().map(|feed| feed.clone()));
        self.feeds.clear();
        core.orphans.iter().for_each(|feed| feed.end());
    }

    /// Applies events in order: into the ring, into the feeds of their recipients, and then wakes those. `confirmed`:
    /// they reach the head, as it was read by a statement that began then.
    fn push(&self, events: Vec<Rendered>, place: Cursor, confirmed: Option<Instant>) {
        let mut touched: Vec<Arc<Feed>> = Vec::new();
        let mut sent: Vec<Arc<Held>> = Vec::new();
        let mut core = self.core();
        for event in events {
            let held = core.ring.push(event);
            self.ring_floor.store(core.ring.floor(), Ordering::Release);
            for feed in self.recipients(&core, &held) {
                let membership = feed.push(&held, core.ring.floor());
                feed.note(&held);
                match membership {
                    Some(Membership::Begun(id)) => core.follow(id, &feed),
                    Some(Membership::Ended(id)) => core.unfollow(&id, &feed),
                    None => {}
                }
                touched.push(feed);
            }
            let ends_typing = held.row.kind == EventKind::MessageCreated || held.row.is_erasure();
            sent.extend(ends_typing.then_some(held));
        }
        // Published after the last push and before the first wake: whoever reads `applied` finds everything up to it
        // in the feeds, and whoever is woken reads an `applied` that covers what it was woken for.
        self.applied.send_replace(Some(place));
        drop(core);
        // Before the wake as well: after a pause of Postgres the woken would find a memory that is not fresh.
        if let Some(began) = confirmed {
            self.confirm(began);
        }
        self.end_typing(&sent);
        touched.sort_by_key(Arc::as_ptr);
        touched.dedup_by(|a, b| Arc::ptr_eq(a, b));
        for feed in touched {
            feed.wake();
        }
    }

    /// The active feeds that may have an interest; each decides by its own intervals.
    fn recipients(&self, core: &Core, held: &Held) -> Vec<Arc<Feed>> {
        let of_user = |id: &str| {
            self.feeds
                .get(&UserKey::new(&held.row.tenant_id, id))
                .map(|feed| feed.clone())
        };
        match (&held.row.audience_user_id, held.row.conversation_id) {
            (Some(user), _) => of_user(user).into_iter().collect(),
            (None, Some(_)) if !held.members.is_empty() => {
                held.members.iter().filter_map(|id| of_user(id)).collect()
            }
            (None, Some(conversation)) => {
                let feeds = core.by_conversation.get(&conversation);
                let mut feeds = feeds.cloned().unwrap_or_default();
                if held.row.kind == EventKind::MemberJoined {
                    let joined = held.row.subject_user_id.as_deref().and_then(of_user);
                    // Born after the joining was committed, it is among them already.
                    let is_there = |feed: &Arc<Feed>| feeds.iter().any(|it| Arc::ptr_eq(it, feed));
                    feeds.extend(joined.filter(|feed| !is_there(feed)));
                }
                feeds
            }
            (None, None) => Vec::new(),
        }
    }
}
