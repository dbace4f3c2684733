//! Where a scenario plays: a cluster, two instances on it, and proxies before and behind each of them.

use std::time::{Duration, Instant};

use futures::future::join_all;
use nix::sys::signal::Signal;
use rand::SeedableRng;
use rand::rngs::StdRng;
use reqwest::Method;
use serde_json::json;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::cluster::Cluster;
use crate::report::Recovery;
use crate::support::proxy::{Fault, Proxy, Upstream};
use crate::support::workload::{self, Plan};
use crate::support::{Instance, Person, eventually};

/// How many scenarios play at once: what they do to each other is a slow machine, whatever the machine.
static TURNS: Semaphore = Semaphore::const_new(2);

/// What a run of a few minutes gives to each scenario; `CAUSERIE_CHAOS_MINUTES` gives that many minutes to each.
const SHORT: Duration = Duration::from_secs(12);

/// Abandoned waits keep their seats for a while, and here many are. The second holds so little in memory that much of
/// what it hands out is read from Postgres.
const SETTINGS: [&str; 2] = [
    "heartbeat_secs=1,waits_per_user=1000,streams_per_user=1000",
    "heartbeat_secs=1,waits_per_user=1000,streams_per_user=1000,ring={events=64}",
];
/// Of an instance that listens elsewhere: what has arrived would have it write, and look, by itself.
const DEAF: &str = "heartbeat_secs=1,waits_per_user=1000,streams_per_user=1000,ring={events=64},tenant={receipts=false}";
const MAIL: &str = ",mail={from=\"Causerie <chat@example.org>\",public_url=\"https://chat.example\",timeout_secs=2}";

pub struct Stage {
    pub name: &'static str,
    pub seed: u64,
    pub rng: StdRng,
    pub cluster: Cluster,
    pub stands: Vec<Stand>,
    pub recoveries: Vec<Recovery>,
    /// What the report says of this scenario alone.
    pub notes: Vec<String>,
    began: Instant,
    /// Somebody whose writes and reads tell whether the service is there.
    probe: Person,
    conversation: String,
    _turn: SemaphorePermit<'static>,
}

/// An instance, at an address that outlives it.
pub struct Stand {
    pub instance: Instance,
    /// Between the clients and the instance.
    pub door: Proxy,
    /// Between the instance and Postgres.
    pub base: Proxy,
    settings: String,
    environment: Environment,
}

/// Beside the settings.
type Environment = Vec<(&'static str, String)>;

impl Stage {
    pub async fn set(name: &'static str) -> Self {
        let turn = TURNS.acquire().await.expect("never closed");
        Self::set_on(name, turn, Cluster::start().await, Default::default()).await
    }

    /// With e-mail by this server.
    pub async fn set_with_smtp(name: &'static str, url: &str) -> Self {
        let turn = TURNS.acquire().await.expect("never closed");
        let environment = || vec![("CAUSERIE_SMTP_URL", url.to_owned())];
        let both = [environment(), environment()];
        Self::set_on(name, turn, Cluster::start().await, both).await
    }

    /// With the second instance listening elsewhere than at the database.
    pub async fn set_with_listen_url(name: &'static str, url: String) -> Self {
        let turn = TURNS.acquire().await.expect("never closed");
        let second = vec![("CAUSERIE_LISTEN_URL", url)];
        let both = [Vec::new(), second];
        Self::set_on(name, turn, Cluster::start().await, both).await
    }

    /// In a directory of the scenario's choice.
    pub async fn set_in(name: &'static str, home: std::path::PathBuf) -> Self {
        let turn = TURNS.acquire().await.expect("never closed");
        let cluster = Cluster::start_in(home).await;
        Self::set_on(name, turn, cluster, Default::default()).await
    }

    async fn set_on(
        name: &'static str,
        turn: SemaphorePermit<'static>,
        cluster: Cluster,
        environment: [Environment; 2],
    ) -> Self {
        let seed = workload::seeds(1)[0];
        println!("chaos: {name}: seed {seed}");
        let [first, second] = environment;
        let has = |variable: &str| second.iter().any(|(name, _)| *name == variable);
        let is_deaf = has("CAUSERIE_LISTEN_URL");
        let other = if is_deaf { DEAF } else { SETTINGS[1] };
        let mail = if has("CAUSERIE_SMTP_URL") { MAIL } else { "" };
        let stands = vec![
            Stand::start(&cluster, format!("{}{mail}", SETTINGS[0]), first).await,
            Stand::start(&cluster, format!("{other}{mail}"), second).await,
        ];
        let probe = Person::new(&stands[0].url(), "probe");
        let other = Person::new(&stands[0].url(), "other");
        other.get("/v1/me").await.ok();
        Self {
            name,
            seed,
            rng: StdRng::seed_from_u64(seed),
            conversation: probe.converse_with("other").await,
            probe,
            cluster,
            stands,
            recoveries: Vec::new(),
            notes: Vec::new(),
            began: Instant::now(),
            _turn: turn,
        }
    }

    pub fn urls(&self) -> Vec<String> {
        self.stands.iter().map(Stand::url).collect()
    }

    pub fn plan(&self) -> Plan {
        Plan::amid(self.seed)
    }

    /// How long things are broken.
    pub fn duration(&self) -> Duration {
        let minutes = std::env::var("CAUSERIE_CHAOS_MINUTES").ok();
        let minutes: Option<f64> =
            minutes.map(|text| text.parse().expect("CAUSERIE_CHAOS_MINUTES is a number"));
        minutes.map_or(SHORT, |minutes| Duration::from_secs_f64(minutes * 60.0))
    }

    pub fn played(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Waits until every instance takes a write and hands it out again, and notes how long after `since` that was.
    pub async fn recover(&mut self, since: Instant) {
        let recover = |stand: &Stand| self.recover_at(stand.url(), since);
        let recoveries: Vec<_> = self.stands.iter().map(recover).collect();
        let recoveries = join_all(recoveries).await;
        self.recoveries.extend(recoveries);
    }

    /// The same at one instance.
    pub async fn recover_at(&self, url: String, since: Instant) -> Recovery {
        let probe = self.probe.at(&url);
        let ask = async |method: Method, path: &str, body: Option<serde_json::Value>| {
            let mut request = probe.request(method, path).timeout(Duration::from_secs(10));
            if let Some(body) = body {
                request = request.json(&body);
            }
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            Some((status, answer.json::<serde_json::Value>().await.ok()?))
        };
        let path = format!("/v1/conversations/{}/messages", self.conversation);
        let key = uuid::Uuid::new_v4().to_string();
        let body = json!({ "content": "Is anybody there?", "clientMessageId": key });
        eventually("an acknowledged write", async || {
            let (status, _) = ask(Method::POST, &path, Some(body.clone())).await?;
            matches!(status, 200 | 201).then_some(())
        })
        .await;
        let write = since.elapsed();
        let mut cursor = "0".to_owned();
        eventually("a fresh read", async || {
            let path = format!("/v1/events?since={cursor}&limit=200");
            let (status, page) = ask(Method::GET, &path, None).await?;
            if status == 410 {
                // It was another log's until now.
                cursor = "0".to_owned();
            }
            cursor = page["cursor"].as_str()?.to_owned();
            page["events"].to_string().contains(&key).then_some(())
        })
        .await;
        Recovery {
            write,
            read: since.elapsed(),
        }
    }
}

impl Stand {
    async fn start(cluster: &Cluster, settings: String, environment: Environment) -> Self {
        let base = Proxy::start(cluster.socket()).await;
        let instance = start(&base, &settings, &environment).await;
        Self {
            door: Proxy::start(address_of(&instance)).await,
            instance,
            base,
            settings,
            environment,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.door.address)
    }

    pub async fn kill(&mut self) {
        self.instance.signal(Signal::SIGKILL);
        self.instance.exit_code().await;
        self.door.set(Fault::Refuse);
    }

    /// Starts another process in the place of one that was killed. Returns when it is ready.
    pub async fn start_again(&mut self) {
        self.instance = start(&self.base, &self.settings, &self.environment).await;
        self.door.lead_to(address_of(&self.instance));
        self.door.set(Fault::None);
    }
}

async fn start(base: &Proxy, settings: &str, environment: &Environment) -> Instance {
    let url = format!(
        "postgres://postgres@{}/causerie?sslmode=disable",
        base.address
    );
    let environment = environment.iter().map(|(name, value)| (*name, &**value));
    Instance::start(&url, settings, &environment.collect::<Vec<_>>()).await
}

fn address_of(instance: &Instance) -> Upstream {
    let address = instance.url.trim_start_matches("http://");
    Upstream::Tcp(address.parse().expect("an address"))
}
