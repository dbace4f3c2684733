//! Settings: Rocket.toml and the environment, read once into one checked struct.

mod error;
mod jobs;
mod limits;
mod mail;
mod proxies;
mod tokens;

use std::collections::HashMap;
use std::path::PathBuf;

use ipnet::IpNet;
use rocket::figment::providers::{Env, Format, Serialized, Toml};
use rocket::figment::value::Value;
use rocket::figment::{Figment, Profile};
use serde::Deserialize;

pub use self::error::ConfigError;
pub use self::jobs::JobSettings;
pub use self::limits::LimitSettings;
pub use self::mail::{Mail, MailSettings, Security, Smtp};
pub use self::proxies::ForwardedHeader;
pub use self::tokens::{ClaimNames, KeySetting};
use crate::model::{Language, LinkHosts};

/// What the debug profile signs with. It is in the source, so it proves nothing: release refuses to start without another.
pub const DEVELOPMENT_SECRET: &str = "causerie-development-secret-not-for-production";

/// `[default.causerie]` of Rocket.toml, where each is explained.
#[derive(Clone, Deserialize)]
pub struct Config {
    jwt_secret: Option<String>,
    jwt_secret_before: Option<String>,
    #[serde(default)]
    keys: Vec<KeySetting>,
    pub claims: ClaimNames,
    pub jwks_secs: u64,
    pub listen_url: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub pg_bin: Option<PathBuf>,
    pub origins: Vec<String>,
    pub link_hosts: LinkHosts,
    /// Whose word on the client's address is taken.
    #[serde(deserialize_with = "proxies::networks")]
    pub trusted_proxies: Vec<IpNet>,
    /// And in which header.
    pub forwarded_header: ForwardedHeader,
    pub limits: LimitSettings,
    pub mail: MailSettings,
    pub jobs: JobSettings,
    pub unknown_users: UnknownUsers,
    pub retention_days: i32,
    pub notification_days: i32,
    pub wait_secs: u64,
    pub streams_per_user: u32,
    pub waits_per_user: u32,
    pub stream_secs: u64,
    pub heartbeat_secs: u64,
    pub drain_secs: u64,
    pub presence_secs: u64,
    pub ring: Ring,
    tenant: Tenant,
    #[serde(default)]
    tenants: HashMap<String, TenantOverride>,
    /// Only where the secret is the one that everybody knows.
    #[serde(default)]
    pub demo: bool,
    #[serde(skip)]
    pub is_debug: bool,
}

/// Nothing of it: secrets and the passwords in `listen_url` and `smtp_url` get into no log by mistake.
impl std::fmt::Debug for Config {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Config").finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Deserialize)]
pub struct Ring {
    pub events: usize,
    pub bytes: usize,
}

/// What holds in a tenant.
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Tenant {
    /// Whether a group says who joined and left.
    pub notices: bool,
    pub language: Language,
    /// Of people who have not said theirs.
    pub time_zone: chrono_tz::Tz,
    /// Whether anybody is told what others have received and read.
    pub receipts: bool,
}

/// What one tenant has otherwise.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantOverride {
    notices: Option<bool>,
    language: Option<Language>,
    time_zone: Option<chrono_tz::Tz>,
    receipts: Option<bool>,
}

impl Tenant {
    /// The language of notices, where there are any.
    pub fn notice(&self) -> Option<Language> {
        self.notices.then_some(self.language)
    }
}

/// What happens to people who are named before anything is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnknownUsers {
    Refuse,
    Create,
}

/// All settings: the defaults that are built in, Rocket.toml, the environment.
pub fn figment() -> Figment {
    let mut figment = Figment::from(rocket::Config::default())
        .merge(Toml::string(include_str!("../../Rocket.toml")).nested())
        .merge(Toml::file(Env::var_or("ROCKET_CONFIG", "Rocket.toml")).nested())
        .merge(
            Env::prefixed("ROCKET_")
                .ignore(&["PROFILE", "CONFIG"])
                .global(),
        );
    let ours = [
        ("DATABASE_URL", "databases.causerie.url"),
        ("CAUSERIE_LISTEN_URL", "causerie.listen_url"),
        ("CAUSERIE_DATA_DIR", "causerie.data_dir"),
        ("PG_BIN", "causerie.pg_bin"),
        ("CAUSERIE_JWT_SECRET", "causerie.jwt_secret"),
        ("CAUSERIE_JWT_SECRET_BEFORE", "causerie.jwt_secret_before"),
        ("CAUSERIE_SMTP_URL", "causerie.mail.smtp_url"),
    ];
    for (name, key) in ours {
        if let Some(value) = Env::var(name).filter(|value| !value.is_empty()) {
            figment = figment.merge(Serialized::global(key, value));
        }
    }
    figment.select(Profile::from_env_or(
        "ROCKET_PROFILE",
        rocket::Config::DEFAULT_PROFILE,
    ))
}

impl Config {
    pub fn read(figment: &Figment) -> Result<Self, ConfigError> {
        // figment takes what it cannot parse for a text, and goes by the settings without it.
        let given = Env::var("ROCKET_CAUSERIE").filter(|given| !given.is_empty());
        if given.is_some_and(|given| !matches!(given.parse(), Ok(Value::Dict(..)))) {
            return Err(ConfigError::Environment);
        }
        let mut config: Self = figment
            .extract_inner("causerie")
            .map_err(|error| ConfigError::Figment(Box::new(error)))?;
        config.is_debug = figment.profile() == rocket::Config::DEBUG_PROFILE;
        // It hands out tokens to whoever asks: only those that anybody could sign.
        config.demo &= config.jwt_secret() == Some(DEVELOPMENT_SECRET);
        let keys = config.keys();
        if keys.is_empty() {
            return Err(ConfigError::NoSecret);
        }
        for key in keys {
            let is_throw_away =
                config.is_debug && key.secret.as_deref() == Some(DEVELOPMENT_SECRET);
            if !is_throw_away {
                key.check()?;
            }
        }
        let is_any = |origin: &&String| ["*", "null"].contains(&origin.as_str());
        if let Some(any) = config.origins.iter().find(is_any) {
            return Err(ConfigError::AnyOrigin(any.clone()));
        }
        if let Some(wrong) = config.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(wrong.clone()));
        }
        // Rocket takes that header from whoever sends it.
        if figment.extract_inner::<bool>("ip_header").ok() != Some(false) {
            return Err(ConfigError::IpHeader);
        }
        config.in_range()?;
        config.mail.read()?;
        config.jobs.check().map(|()| config)
    }

    /// Whether the numbers are such that the service works.
    fn in_range(&self) -> Result<(), ConfigError> {
        if self.ring.events == 0 {
            return Err(ConfigError::Range("causerie.ring.events", "at least 1"));
        }
        if !(1..=15).contains(&self.heartbeat_secs) {
            return Err(ConfigError::Range(
                "causerie.heartbeat_secs",
                "1 to 15: a client that left is noticed by it",
            ));
        }
        if !(3..=3600).contains(&self.presence_secs) {
            return Err(ConfigError::Range(
                "causerie.presence_secs",
                "3 to 3600: who is there is noted every second or two at the most",
            ));
        }
        if self.jwks_secs == 0 {
            return Err(ConfigError::Range("causerie.jwks_secs", "at least 1"));
        }
        if self.wait_secs > 50 {
            return Err(ConfigError::Range(
                "causerie.wait_secs",
                "at most 50: proxies give up at 60",
            ));
        }
        Ok(())
    }

    /// What holds in this tenant.
    pub fn tenant(&self, name: &str) -> Tenant {
        let all = self.tenant;
        self.tenants.get(name).map_or(all, |own| Tenant {
            notices: own.notices.unwrap_or(all.notices),
            language: own.language.unwrap_or(all.language),
            time_zone: own.time_zone.unwrap_or(all.time_zone),
            receipts: own.receipts.unwrap_or(all.receipts),
        })
    }

    /// What tokens are signed with here; none where only others sign.
    pub fn jwt_secret(&self) -> Option<&str> {
        let is_development = self.is_debug && self.keys.is_empty();
        let throw_away = is_development.then_some(DEVELOPMENT_SECRET);
        self.jwt_secret.as_deref().or(throw_away)
    }

    /// Whether tokens of an older secret are good still.
    pub fn has_previous_secret(&self) -> bool {
        self.jwt_secret_before.is_some()
    }

    /// All that tokens are checked against.
    pub fn keys(&self) -> Vec<KeySetting> {
        let secrets = [self.jwt_secret(), self.jwt_secret_before.as_deref()];
        let secrets = secrets.into_iter().flatten().map(KeySetting::of_secret);
        secrets.chain(self.keys.iter().cloned()).collect()
    }
}

fn is_origin(text: &str) -> bool {
    let is_written_so =
        |url: url::Url| url.origin().is_tuple() && url.origin().ascii_serialization() == text;
    // A star would stand for itself: whoever writes it means something else.
    !text.contains('*') && url::Url::parse(text).is_ok_and(is_written_so)
}
