//! The keys that an issuer publishes (RFC 7517): read at the start, again every `jwks_secs`, and when a token names one
//! that is not known. What cannot be read leaves the old ones in place, for a day; what can be read counts, were it an
//! empty set: an issuer takes its only key back by it.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey, Header};
use reqwest::{Client, Url};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Notify};

use super::rules::Rules;

/// So long an issuer may be away.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// Anybody can name a key that does not exist: that must not become a flood of questions to the issuer.
const BETWEEN: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(5);
const LARGEST: usize = 64 * 1024;
/// Each is tried for a token that names none.
const MOST: usize = 32;

/// Of a key as it was published: another one under the same name is another key.
pub type Fingerprint = [u8; 32];

pub struct PublicKey {
    pub fingerprint: Fingerprint,
    kid: Option<String>,
    pub key: DecodingKey,
}

/// Where an issuer's keys are.
pub enum Place {
    Url(Url, Client),
    File(String),
}

#[derive(Default)]
struct Published {
    keys: Vec<Arc<PublicKey>>,
    /// When they were read.
    at: Option<Instant>,
}

pub struct Source {
    place: Place,
    pub rules: Rules,
    published: RwLock<Published>,
    /// When a token made it ask last. Held while it asks, so that no slow answer comes over a newer one.
    asked: Mutex<Option<Instant>>,
    /// Told each time that it was read.
    news: Arc<Notify>,
}

/// Why the keys could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("{0}")]
    Http(reqwest::Error),
    #[error("{0}")]
    File(#[from] std::io::Error),
    #[error("not a set of keys: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it answers {0}")]
    Status(reqwest::StatusCode),
    #[error("more than {LARGEST} bytes")]
    TooLarge,
}

impl From<reqwest::Error> for Unreadable {
    fn from(error: reqwest::Error) -> Self {
        // The log names the place itself.
        Self::Http(error.without_url())
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

impl Source {
    pub fn new(place: Place, rules: Rules, news: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self {
            place,
            rules,
            published: RwLock::default(),
            asked: Mutex::default(),
            news,
        })
    }

    /// Those that may have signed a token with this header.
    pub async fn keys(&self, header: &Header) -> Vec<Arc<PublicKey>> {
        let found = self.known(header);
        if !found.is_empty() {
            return found;
        }
        self.look_for_it().await;
        self.known(header)
    }

    /// A token names a key that is not known, or there is none yet. Whoever comes meanwhile waits for the answer.
    async fn look_for_it(&self) {
        let mut asked = self.asked.lock().await;
        if asked.is_none_or(|at| at.elapsed() >= BETWEEN) {
            *asked = Some(Instant::now());
            self.fetch().await;
        }
    }

    fn known(&self, header: &Header) -> Vec<Arc<PublicKey>> {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        if published.at.is_none_or(|at| at.elapsed() > LONGEST) {
            return Vec::new();
        }
        let fits = |key: &&Arc<PublicKey>| {
            (header.kid.is_none() || key.kid.is_none() || header.kid == key.kid)
                && self.rules.allow(header, &key.key)
        };
        published.keys.iter().filter(fits).cloned().collect()
    }

    /// Whether it is still published, as far as is known here.
    pub fn has(&self, fingerprint: &Fingerprint) -> bool {
        let published = self
            .published
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        published.at.is_some_and(|at| at.elapsed() <= LONGEST)
            && published
                .keys
                .iter()
                .any(|key| key.fingerprint == *fingerprint)
    }

    /// Reads them anew.
    pub async fn read(&self) {
        let _one_at_a_time = self.asked.lock().await;
        self.fetch().await;
    }

    /// To be called with `asked` held.
    async fn fetch(&self) {
        match self.usable_keys().await {
            Ok(keys) => self.keep(keys),
            Err(error) => {
                tracing::warn!(from = %self.place, %error, "an issuer's keys cannot be read; those known stay for a day");
            }
        }
        // Also where it failed: a day may have passed.
        self.news.notify_one();
    }

    fn keep(&self, keys: Vec<Arc<PublicKey>>) {
        let mut published = self
            .published
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let is_news = published.at.is_none() || !published.keys.is_empty();
        if keys.is_empty() && is_news {
            tracing::error!(from = %self.place, "an issuer publishes no key that can be used: all its tokens are refused");
        }
        published.keys = keys;
        published.at = Some(Instant::now());
    }

    async fn usable_keys(&self) -> Result<Vec<Arc<PublicKey>>, Unreadable> {
        let text = match &self.place {
            Place::File(path) => tokio::fs::read(path).await?,
            Place::Url(url, client) => download(url, client).await?,
        };
        if text.len() > LARGEST {
            return Err(Unreadable::TooLarge);
        }
        let set: Set = serde_json::from_slice(&text)?;
        // One that is of no use here, or of a kind that is not known, does not spoil the others.
        let keys = set.keys.into_iter().filter_map(|key| self.usable(key));
        Ok(keys.take(MOST).collect())
    }

    fn usable(&self, published: serde_json::Value) -> Option<Arc<PublicKey>> {
        let fingerprint = Sha256::digest(published.to_string()).into();
        let jwk: Jwk = serde_json::from_value(published).ok()?;
        let is_to_sign = jwk
            .common
            .public_key_use
            .as_ref()
            .is_none_or(|of| *of == PublicKeyUse::Signature);
        let named = jwk
            .common
            .key_algorithm
            .map(|algorithm| algorithm.to_string());
        let is_allowed = named.is_none_or(|named| {
            named
                .parse()
                .is_ok_and(|algorithm| self.rules.allow_algorithm(algorithm))
        });
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        // A secret that is published is none.
        let is_public = key.family() != AlgorithmFamily::Hmac;
        (is_to_sign && is_allowed && is_public).then(|| {
            Arc::new(PublicKey {
                fingerprint,
                kid: jwk.common.key_id,
                key,
            })
        })
    }
}

async fn download(url: &Url, client: &Client) -> Result<Vec<u8>, Unreadable> {
    let mut answer = client.get(url.clone()).send().await?;
    if !answer.status().is_success() {
        return Err(Unreadable::Status(answer.status()));
    }
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await? {
        text.extend_from_slice(&part);
        if text.len() > LARGEST {
            return Err(Unreadable::TooLarge);
        }
    }
    Ok(text)
}

impl Place {
    /// An address, or a file. `KeySetting::check` refused every other scheme.
    pub fn of(text: &str) -> Result<Self, reqwest::Error> {
        let Some(url) = Url::parse(text).ok().filter(|url| url.has_host()) else {
            return Ok(Self::File(text.to_owned()));
        };
        // A redirect could lead into the host's own network.
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(TIMEOUT)
            .build()?;
        Ok(Self::Url(url, client))
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            // Without a password or a query, which may hold a secret.
            Self::Url(url, _) => {
                write!(to, "{}{}", url.origin().ascii_serialization(), url.path())
            }
            Self::File(path) => path.fmt(to),
        }
    }
}
