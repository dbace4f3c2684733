//! A run while something is broken on purpose.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Plan, Run, writer};
use crate::support::history::History;

/// People write and follow for as long as `disturb` takes, which ends with everything whole again; then, undisturbed,
/// the plan's bursts, in which the checker judges lateness too.
pub async fn run_amid(urls: &[String], plan: Plan, disturb: impl Future<Output = ()>) -> History {
    let (run, followers) = Run::begin(urls, plan).await;
    if run.write_amid(disturb).await {
        run.bursts().await;
    }
    drop(followers);
    run.end().await
}

impl Run {
    /// Whether every follower was told that its cursor is of no use.
    pub fn is_refused(&self) -> bool {
        let history = self.history();
        let refused: HashSet<usize> = history.refusals.iter().map(|(who, _)| *who).collect();
        refused.len() == history.followers.len()
    }

    /// Gives whether everybody has everything in the end.
    pub async fn write_amid(self: &Arc<Self>, disturb: impl Future<Output = ()>) -> bool {
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for writer in 0..self.plan.writers {
            tasks.spawn(writer::write_on(self.clone(), writer, stop.subscribe()));
        }
        tasks.spawn(writer::create_on(self.clone(), stop.subscribe()));
        disturb.await;
        stop.send_replace(true);
        while let Some(ended) = tasks.join_next().await {
            ended.expect("a writer does not panic");
        }
        // No burst has this number.
        self.close(self.plan.bursts).await;
        self.settle().await
    }
}
