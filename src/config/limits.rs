//! How much may be asked for: by a user, from an address, of an instance. 0 = as much as one likes. Each instance counts
//! for itself, so N of them let through up to N times as much.

use serde::Deserialize;

/// `[default.causerie.limits]` of Rocket.toml.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    pub sends_per_second: u32,
    /// At once, by who has been quiet; 0 = as many as in a second.
    pub sends_burst: u32,
    pub conversations_per_hour: u32,
    pub refused_tokens_per_minute: u32,
    /// Of the instance, all users together.
    pub streams: u32,
}
