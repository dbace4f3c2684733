//! How large a test is, and what it saw: printed beside what was promised.

use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::{Mutex, MutexGuard};

use crate::support::{Instance, PATIENCE};

/// Held by each test of this binary: beside another one it would measure both.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Whether the sizes are the real ones. Against a debug build they would say nothing that a tenth does not.
pub fn is_full() -> bool {
    std::env::var_os("CAUSERIE_TEST_FULL").is_some() && !cfg!(debug_assertions)
}

/// A tenth of the real size, or all of it.
pub fn sized(real: usize) -> usize {
    if is_full() { real } else { real / 10 }
}

/// What `percent` of 100 did not exceed.
pub fn percentile(times: &[Duration], percent: usize) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    *sorted.get(at).expect("something was measured")
}

/// Prints how long something took, and asserts it where the sizes are real. Anywhere it must not take for ever.
#[track_caller]
pub fn judge_speed(what: &str, seen: Duration, target: Duration) {
    println!("{what}: {seen:?} (target {target:?})");
    assert!(seen <= if is_full() { target } else { PATIENCE }, "{what}");
}

/// Sees to it that this process, and those it starts, may have `needed` files and sockets open.
pub fn allow_descriptors(needed: u64) {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("a limit");
    if soft >= needed {
        return;
    }
    assert!(
        hard >= needed,
        "{needed} sockets are needed and {hard} allowed. As root: `ulimit -n {needed}` in this shell; else a line \
         `* hard nofile {needed}` in /etc/security/limits.conf and a new login. Without CAUSERIE_TEST_FULL a tenth will do."
    );
    setrlimit(Resource::RLIMIT_NOFILE, needed, hard).expect("below the hard limit");
}

/// Resident memory of a process in kB.
pub fn memory(instance: &Instance) -> i64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", instance.pid()));
    let status = status.expect("the process lives");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    number.expect("VmRSS in kB").parse().expect("a number")
}

/// How many files and sockets a process has open.
pub fn descriptors(instance: &Instance) -> usize {
    let open = std::fs::read_dir(format!("/proc/{}/fd", instance.pid()));
    open.expect("the process lives").count()
}
