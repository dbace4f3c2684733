//! How long messages took from their answer to those who waited for them.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use super::messages::acked;
use super::{History, Moment, What};

impl History {
    /// For each acknowledged message and each follower that waits, shortest first; of one instance's readers, or of all.
    pub fn delays(&self, at: Option<usize>) -> Vec<Duration> {
        let sends: HashMap<&str, Moment> = self
            .sends
            .iter()
            .filter_map(|send| Some((send.key.as_str(), acked(send)?.0)))
            .collect();
        let mut delays = Vec::new();
        let mut seen = HashSet::new();
        for page in &self.pages {
            let is_there = at.is_none_or(|at| page.instance == at);
            if !is_there || !self.followers[page.follower].waits {
                continue;
            }
            for event in &page.events {
                if let What::Message { key, .. } = &event.what
                    && let Some(acked) = sends.get(key.as_str())
                    && seen.insert((page.follower, event.position))
                {
                    delays.push(page.at.saturating_sub(*acked));
                }
            }
        }
        delays.sort();
        delays
    }
}
