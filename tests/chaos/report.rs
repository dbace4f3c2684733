//! What a scenario prints, and what it is judged by.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use crate::stage::Stage;
use crate::support::history::{History, Verdict};

/// What losing every word between the instances may cost: the sweep's second, its read, and a noisy machine.
pub const LATE: Duration = Duration::from_millis(2500);

/// From the end of a fault, at one instance.
#[derive(Debug, Clone, Copy)]
pub struct Recovery {
    /// The first acknowledged write.
    pub write: Duration,
    /// The first read that has that write.
    pub read: Duration,
}

/// What clients may see besides what they asked for. Anything else of an answer is an anomaly in itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// 503 with `Retry-After`.
    Refused,
    /// Connections that break or stand still, as well: it is these that were broken.
    CutOff,
}

impl Stage {
    /// Prints what was seen, and ends the scenario: the test fails unless all of it is as promised.
    pub async fn judge(self, history: &History, clients: Clients) {
        let verdict = history.check();
        self.judge_as(history, &verdict, clients).await;
    }

    /// With a verdict from which was left out what this scenario is meant to bring about.
    pub async fn judge_as(mut self, history: &History, verdict: &Verdict, clients: Clients) {
        let report = self.report(history, verdict.counts());
        println!("{report}");
        let mut problems = Vec::new();
        if !verdict.is_good() {
            problems.push(verdict.to_string());
        }
        if let (Clients::Refused, Some(broken)) = (clients, history.other_answers.get(&0)) {
            problems.push(format!("{broken} requests without an answer"));
        }
        for (n, stand) in self.stands.iter_mut().enumerate() {
            if let Ok(Some(status)) = stand.instance.child.try_wait() {
                let log = stand.instance.log();
                problems.push(format!("instance {n} ended with {status}:\n{log}"));
            }
            let log = stand.instance.log();
            for line in log.lines().filter(|line| line.contains("panicked")) {
                problems.push(format!("instance {n}: {line}"));
            }
        }
        if history.messages() < 20 || history.deliveries() < history.messages() {
            problems.push("hardly anything was written or read".to_owned());
        }
        let (name, seed) = (self.name, self.seed);
        assert!(
            problems.is_empty(),
            "{name}, seed {seed}:\n{report}\n{}",
            problems.join("\n")
        );
        self.cluster.stop().await;
    }

    fn report(
        &self,
        history: &History,
        anomalies: BTreeMap<impl std::fmt::Debug, usize>,
    ) -> String {
        let mut text = format!("chaos: {}\n", self.name);
        let mut line = |what: String| writeln!(text, "    {what}").expect("a String takes it all");
        line(format!("seed {}, {} s", self.seed, self.played().as_secs()));
        for note in &self.notes {
            line(note.clone());
        }
        line(format!(
            "{} operations checked: {} messages of {} sent, {} deliveries to {} followers",
            history.operations(),
            history.messages(),
            history.sends.len(),
            history.deliveries(),
            history.followers.len()
        ));
        line(format!("anomalies by kind: {anomalies:?}"));
        line(format!(
            "other answers by status (0: none): {:?}",
            history.other_answers
        ));
        let delays = history.delays(None);
        line(format!(
            "from a message's answer to those who wait for it: {}",
            spread(delays)
        ));
        if !self.recoveries.is_empty() {
            let of = |pick: fn(&Recovery) -> Duration| {
                let mut times: Vec<_> = self.recoveries.iter().map(pick).collect();
                times.sort();
                spread(times)
            };
            line(format!("recovered, first write: {}", of(|r| r.write)));
            line(format!("recovered, first read: {}", of(|r| r.read)));
        }
        text
    }
}

/// Of durations in order: how many, and how they spread.
pub fn spread(sorted: Vec<Duration>) -> String {
    let at = |part: f64| {
        let index = (sorted.len().saturating_sub(1)) as f64 * part;
        sorted.get(index.round() as usize).copied()
    };
    match (at(0.5), at(0.99), at(1.0)) {
        (Some(half), Some(most), Some(all)) => {
            format!(
                "half within {half:.3?}, 99 % within {most:.3?}, all {} within {all:.3?}",
                sorted.len()
            )
        }
        _ => "none".to_owned(),
    }
}
