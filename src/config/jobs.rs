//! How an instance does jobs.

use serde::Deserialize;

use super::ConfigError;

/// `[default.causerie.jobs]` of Rocket.toml.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSettings {
    /// 0: this instance does none.
    pub at_once: usize,
    pub lease_secs: u64,
    pub kept_days: i32,
}

impl JobSettings {
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.at_once > 64 {
            let most = "at most 64: each may want a connection";
            return Err(ConfigError::Range("causerie.jobs.at_once", most));
        }
        if !(2..=3600).contains(&self.lease_secs) {
            return Err(ConfigError::Range("causerie.jobs.lease_secs", "2 to 3600"));
        }
        if !(1..=366).contains(&self.kept_days) {
            return Err(ConfigError::Range("causerie.jobs.kept_days", "1 to 366"));
        }
        Ok(())
    }
}
