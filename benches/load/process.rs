//! What a process costs, read from /proc: the rate that two noisy cores give says less than the CPU that it took.

use std::fs;

use super::support::Database;

/// `/proc/PID/stat` counts in these, on every Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// CPU seconds that a process has used so far.
pub fn cpu(pid: i32) -> f64 {
    // utime and stime.
    let fields = stat(pid);
    (fields[11] + fields[12]) / TICKS_PER_SECOND
}

/// What of a process is in memory, in kB.
pub fn resident_kb(pid: i32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1));
    number
        .and_then(|number| number.parse().ok())
        .expect("a resident size")
}

/// The numbers of `/proc/PID/stat` from the parent's id on; empty for a process that is gone.
fn numbers(pid: i32) -> Vec<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name before them may hold spaces and brackets.
    let (_, rest) = text.rsplit_once(')').unwrap_or_default();
    let numbers = rest.split_whitespace().skip(1);
    numbers.map(|n| n.parse().unwrap_or_default()).collect()
}

/// With utime at 11, stime at 12, cutime at 13 and cstime at 14, counted from the state before the parent.
fn stat(pid: i32) -> Vec<f64> {
    let mut fields = numbers(pid);
    assert!(!fields.is_empty(), "process {pid} has ended");
    fields.insert(0, 0.0);
    fields
}

/// The server of a database, all its processes together.
#[derive(Clone, Copy)]
pub struct Postgres {
    postmaster: i32,
}

impl Postgres {
    pub async fn of(database: &Database) -> Self {
        let backend = database.every_process().await[0];
        let parent = numbers(backend).first().copied();
        Self {
            postmaster: parent.expect("Postgres runs on this machine") as i32,
        }
    }

    /// CPU seconds of the server so far, those of backends that have ended included.
    pub fn cpu(self) -> f64 {
        let of_ended: f64 = stat(self.postmaster)[13..=14].iter().sum();
        let running = fs::read_dir("/proc").expect("Linux").flatten();
        let pids = running.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let children = pids
            .map(numbers)
            .filter(|numbers| numbers.first() == Some(&f64::from(self.postmaster)));
        let ticks: f64 = children.map(|numbers| numbers[10] + numbers[11]).sum();
        cpu(self.postmaster) + (of_ended + ticks) / TICKS_PER_SECOND
    }
}
