//! Moments as one number, so that they fit an atomic.

use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Milliseconds since this was first asked, and never 0, which stands for "not yet".
pub(super) fn now() -> u64 {
    START.elapsed().as_millis() as u64 + 1
}
