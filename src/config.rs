//! Settings: Rocket.toml and the environment, read once into one checked struct.

use std::collections::HashMap;
use std::path::PathBuf;

use rocket::figment::providers::{Env, Format, Serialized, Toml};
use rocket::figment::{Figment, Profile};
use serde::Deserialize;

use crate::model::Language;

/// What the debug profile signs with. It is in the source, so it proves nothing: release refuses to start without another.
pub const DEVELOPMENT_SECRET: &str = "causerie-development-secret-not-for-production";

/// `[default.causerie]` of Rocket.toml, where each is explained.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    jwt_secret: Option<String>,
    pub listen_url: Option<String>,
    pub data_dir: Option<PathBuf>,
    pub pg_bin: Option<PathBuf>,
    pub origins: Vec<String>,
    pub unknown_users: UnknownUsers,
    pub retention_days: i32,
    pub wait_secs: u64,
    pub streams_per_user: u32,
    pub waits_per_user: u32,
    pub stream_secs: u64,
    pub heartbeat_secs: u64,
    pub drain_secs: u64,
    pub presence_secs: u64,
    pub ring: Ring,
    /// The claim that lists a user's organisations.
    pub organizations_claim: String,
    tenant: Tenant,
    #[serde(default)]
    tenants: HashMap<String, TenantOverride>,
    /// Only where the secret is the one that everybody knows.
    #[serde(default)]
    pub demo: bool,
    #[serde(skip)]
    pub is_debug: bool,
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
    /// Whether anybody is told what others have received and read.
    pub receipts: bool,
}

/// What one tenant has otherwise.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
struct TenantOverride {
    notices: Option<bool>,
    language: Option<Language>,
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

/// Why the service does not start, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("a setting is missing or wrong: {0}")]
    Figment(Box<rocket::figment::Error>),
    #[error(
        "no secret: set CAUSERIE_JWT_SECRET to at least 32 bytes, for example $(openssl rand -hex 32)"
    )]
    NoSecret,
    #[error("the secret is {0} bytes long: CAUSERIE_JWT_SECRET needs at least 32")]
    ShortSecret(usize),
    #[error(
        "origins: {0:?} is no origin; write it as browsers do, for example \"https://www.example.org\""
    )]
    Origin(String),
    #[error("{0} must be {1}")]
    Range(&'static str, &'static str),
}

/// All settings: the defaults that are built in, Rocket.toml, the environment.
pub fn figment() -> Figment {
    let mut figment = Figment::from(rocket::Config::default())
        .merge(Toml::string(include_str!("../Rocket.toml")).nested())
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
        let mut config: Self = figment
            .extract_inner("causerie")
            .map_err(|error| ConfigError::Figment(Box::new(error)))?;
        config.is_debug = figment.profile() == rocket::Config::DEBUG_PROFILE;
        // It hands out tokens to whoever asks: only those that anybody could sign.
        config.demo &= config.jwt_secret() == DEVELOPMENT_SECRET;
        match config.jwt_secret.as_ref().map(String::len) {
            None if !config.is_debug => return Err(ConfigError::NoSecret),
            Some(length) if length < 32 => return Err(ConfigError::ShortSecret(length)),
            _ => {}
        }
        if let Some(wrong) = config.origins.iter().find(|origin| !is_origin(origin)) {
            return Err(ConfigError::Origin(wrong.clone()));
        }
        if config.ring.events == 0 {
            return Err(ConfigError::Range("causerie.ring.events", "at least 1"));
        }
        if !(1..=15).contains(&config.heartbeat_secs) {
            return Err(ConfigError::Range(
                "causerie.heartbeat_secs",
                "1 to 15: a client that left is noticed by it",
            ));
        }
        if !(3..=3600).contains(&config.presence_secs) {
            return Err(ConfigError::Range(
                "causerie.presence_secs",
                "3 to 3600: who is there is noted every second or two at the most",
            ));
        }
        if config.wait_secs > 50 {
            return Err(ConfigError::Range(
                "causerie.wait_secs",
                "at most 50: proxies give up at 60",
            ));
        }
        Ok(config)
    }

    /// What holds in this tenant.
    pub fn tenant(&self, name: &str) -> Tenant {
        let all = self.tenant;
        self.tenants.get(name).map_or(all, |own| Tenant {
            notices: own.notices.unwrap_or(all.notices),
            language: own.language.unwrap_or(all.language),
            receipts: own.receipts.unwrap_or(all.receipts),
        })
    }

    /// What tokens are signed with.
    pub fn jwt_secret(&self) -> &str {
        self.jwt_secret.as_deref().unwrap_or(DEVELOPMENT_SECRET)
    }
}

fn is_origin(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| url.origin().is_tuple() && url.origin().ascii_serialization() == text)
}
