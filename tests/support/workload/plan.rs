//! What a run does, and how large it is.

use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::support::history::BOUND;

/// How a follower reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// With this limit.
    Poll(usize),
    LongPoll,
    Stream,
    /// Another transport and another instance every second, with the same cursor.
    Hop,
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub users: usize,
    /// Made before the first burst; more are made in the middle of each burst.
    pub groups: usize,
    /// Zero: none are made later either.
    pub privates: usize,
    pub group_sizes: std::ops::RangeInclusive<usize>,
    pub writers: usize,
    pub bursts: usize,
    /// Per writer and burst.
    pub messages: usize,
    /// A writer's longest pause between two messages.
    pub pause: Duration,
    /// Each user has a follower of each of these.
    pub habits: Vec<Habit>,
    /// How long a quiet phase may take until every follower has everything.
    pub patience: Duration,
    /// How long a write is tried again while nobody says what became of it; zero: a few times at once.
    pub retry_for: Duration,
    /// A stream that says nothing for this long, not even a heartbeat, is dead.
    pub silence: Duration,
    /// Whom writes go to; otherwise to any instance.
    pub write_at: Option<usize>,
}

impl Plan {
    /// The run that shows that a service is right: some 3,200 messages.
    pub fn long(seed: u64) -> Self {
        Self {
            seed,
            users: 8,
            groups: 5,
            privates: 3,
            group_sizes: 4..=6,
            writers: 16,
            bursts: 8,
            messages: 25,
            pause: Duration::from_millis(250),
            habits: vec![
                Habit::Poll(1),
                Habit::Poll(50),
                Habit::LongPoll,
                Habit::Stream,
                Habit::Hop,
            ],
            patience: Duration::from_secs(60),
            retry_for: Duration::ZERO,
            silence: Duration::from_secs(40),
            write_at: None,
        }
    }

    /// The run that shows that a fault is found. Its bursts are small and end in a silence each, in which a missed
    /// wake-up shows: each burst is another chance to miss one.
    pub fn short(seed: u64) -> Self {
        Self {
            users: 5,
            groups: 3,
            privates: 2,
            group_sizes: 3..=4,
            writers: 10,
            bursts: 6,
            messages: 5,
            pause: Duration::from_millis(50),
            // More than one long-poll: each is a chance of its own to miss a wake-up.
            habits: vec![
                Habit::Poll(1),
                Habit::Poll(50),
                Habit::LongPoll,
                Habit::LongPoll,
                Habit::Stream,
                Habit::Hop,
            ],
            patience: BOUND + Duration::from_millis(500),
            ..Self::long(seed)
        }
    }

    /// The run under which something is broken on purpose, for as long as that takes. Its bursts come afterwards, and
    /// show that all is well again. The instances' heartbeat is a second.
    pub fn amid(seed: u64) -> Self {
        Self {
            users: 6,
            groups: 3,
            privates: 2,
            group_sizes: 3..=4,
            writers: 10,
            bursts: 1,
            messages: 5,
            pause: Duration::from_millis(200),
            habits: vec![Habit::Poll(50), Habit::LongPoll, Habit::Stream, Habit::Hop],
            retry_for: Duration::from_secs(60),
            silence: Duration::from_secs(6),
            ..Self::long(seed)
        }
    }

    /// Random numbers for one actor, whatever the others draw.
    pub(super) fn rng(&self, actor: u64) -> StdRng {
        StdRng::seed_from_u64(self.seed ^ actor.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }
}

/// The seeds of a test: `CAUSERIE_TEST_SEED` alone where it is set, else `n` new ones.
pub fn seeds(n: u64) -> Vec<u64> {
    match std::env::var("CAUSERIE_TEST_SEED") {
        Ok(seed) => vec![seed.parse().expect("CAUSERIE_TEST_SEED is a number")],
        Err(_) => {
            let first = rand::random_range(0..1_000_000) * 1000;
            (first..first + n).collect()
        }
    }
}
