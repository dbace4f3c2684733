//! `causerie serve`: the stages of a running instance, in order.

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use rocket::fairing::AdHoc;
use rocket::figment::Figment;
use rocket::figment::providers::Serialized;
use rocket::shield::{NoSniff, Shield};
use rocket::{Build, Rocket};
use rocket_db_pools::Database;
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::mpsc;

use crate::auth::{Identities, Keys, RefusedTokens, Tickets};
use crate::config::Config;
use crate::cors::Origins;
use crate::embedded::{Embedded, Settings};
use crate::headers::for_browsers;
use crate::jobs::Bell;
use crate::live::{Live, RingSize};
use crate::mail::Mailer;
use crate::requests::{Arrivals, Requests};
use crate::routes::{Desk, Limits, Links, Room, Streams};
use crate::shutdown::{Readiness, closing_connections, on_signal};
use crate::store::deliveries::Deliveries;
use crate::store::handouts::Handouts;
use crate::store::writer::{Wiring, Writer};
use crate::store::{self, Db, connect_options, identity};
use crate::strict::Strict;
use crate::{checks, demo, erasing, maintenance, recorder, routes, working};

pub type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// What a write may take until it is answered, in seconds, and one more.
const LONGEST_WRITE: u64 = 10;

/// Whoever asks without a token fills memory no longer than this.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// A database that is migrated and knows which log it holds, ours or the one of `DATABASE_URL`.
pub struct Storage {
    pub url: String,
    embedded: Option<Embedded>,
}

impl Storage {
    pub async fn open(figment: &Figment, config: &Config) -> Result<Self, AnyError> {
        let url: Option<String> = figment.extract_inner("databases.causerie.url").ok();
        let (url, embedded) = match url {
            Some(url) => (url, None),
            None => {
                let settings = Settings {
                    data_dir: config.data_dir.clone(),
                    pg_bin: config.pg_bin.clone(),
                };
                let embedded = Embedded::start(&settings).await?;
                (embedded.url(), Some(embedded))
            }
        };
        let mut connection = PgConnection::connect_with(&connect_options(&url)?).await
            .map_err(|error| format!("the database does not answer: {error}. Is DATABASE_URL right, and the server up?"))?;
        store::migrate(&mut connection).await?;
        identity::check(&mut connection, None).await?;
        connection.close().await?;
        Ok(Self { url, embedded })
    }

    pub async fn close(self) {
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// Runs until a signal ends it.
pub async fn serve(figment: Figment) -> Result<(), AnyError> {
    let config = Config::read(&figment)?;
    checks::at_start(&config, &figment)?;
    let prometheus = recorder::install()?;
    let storage = Storage::open(&figment, &config).await?;
    let figment = figment
        .merge(Serialized::global("databases.causerie.url", &storage.url))
        // Between the closing of the port and the cutting of what is still open, clients are sent away, and what was
        // asked is answered.
        .merge(Serialized::global(
            "shutdown.grace",
            config.drain_secs.max(LONGEST_WRITE),
        ));
    let size = RingSize {
        events: config.ring.events,
        bytes: config.ring.bytes,
    };
    let max_connections: usize = figment
        .extract_inner("databases.causerie.max_connections")
        .unwrap_or(10);
    let presence = Duration::from_secs(config.presence_secs);
    let live = Live::new(size, (max_connections / 2).max(1), presence);
    let listen_url = config
        .listen_url
        .clone()
        .unwrap_or_else(|| storage.url.clone());
    let (handed, committed) = live.start(&storage.url, &listen_url, size);
    let writer = Writer::start(Wiring {
        url: storage.url.clone(),
        handed,
        poke: live.poke.clone(),
        applied: live.applied(),
        committed,
    });
    let (working, mut idle) = mpsc::channel(1);
    let result = rocket(figment, config, prometheus, live, writer, working)?
        .launch()
        .await;
    let result = result.map(|_| ());
    // Whoever works still holds the other end.
    idle.recv().await;
    storage.close().await;
    result.map_err(|error| error.to_string().into())
}

/// The service itself, before it is launched.
pub fn rocket(
    figment: Figment,
    config: Config,
    prometheus: PrometheusHandle,
    live: Arc<Live>,
    writer: Writer,
    working: mpsc::Sender<()>,
) -> Result<Rocket<Build>, AnyError> {
    let origins = Origins::new(&config, figment.extract_inner("port")?);
    let mailer = config.mail.read()?.map(Mailer::new).transpose()?;
    Ok(rocket::custom(figment)
        .attach(Strict)
        .attach(Arrivals)
        .attach(closing_connections())
        .attach(Shield::new().enable(NoSniff::Enable))
        .attach(for_browsers())
        .attach(origins.cors()?)
        .attach(Requests::default())
        .attach(Db::init())
        .attach(desk(writer.clone()))
        .attach(routes::stage())
        .attach(working::run(
            config.clone(),
            mailer,
            live.clone(),
            writer.clone(),
            working,
        ))
        .attach(life(config.clone(), live.clone(), writer.clone()))
        .manage(Arc::new(Identities::new(
            Keys::new(&config.keys(), config.claims.clone())?,
            config.link_hosts.clone(),
        )))
        .manage(Arc::<Tickets>::default())
        .manage(Arc::<Streams>::default())
        .manage(Arc::<Readiness>::default())
        .manage(Arc::new(RefusedTokens::new(
            config.limits.refused_tokens_per_minute,
        )))
        .manage(Arc::new(Limits::new(&config.limits)))
        .manage(demo::Slot::new())
        .manage(Room::default())
        .manage(Links::default())
        .manage(Arc::<Bell>::default())
        .manage(prometheus)
        .manage(origins)
        .manage(config)
        .manage(live)
        .manage(writer))
}

/// Where it is noted what was handed out and what has arrived. After the pool, into which it writes.
fn desk(writer: Writer) -> AdHoc {
    AdHoc::try_on_ignite("desk", async |rocket| {
        let Some(pool) = rocket.state::<Db>().map(|db| db.pool().clone()) else {
            return Err(rocket);
        };
        Ok(rocket.manage(Desk {
            deliveries: Deliveries::start(writer),
            handouts: Handouts::start(pool),
        }))
    })
}

/// What starts with the port and ends with it.
fn life(config: Config, live: Arc<Live>, writer: Writer) -> AdHoc {
    AdHoc::on_liftoff("life", move |rocket| {
        Box::pin(async move {
            let (Some(limits), Some(refused), Some(streams)) = (
                rocket.state::<Arc<Limits>>(),
                rocket.state::<Arc<RefusedTokens>>(),
                rocket.state::<Arc<Streams>>(),
            ) else {
                return rocket.shutdown().notify();
            };
            let (Some(db), Some(identities), Some(tickets), Some(readiness), Some(slot)) = (
                rocket.state::<Db>(),
                rocket.state::<Arc<Identities>>(),
                rocket.state::<Arc<Tickets>>(),
                rocket.state::<Arc<Readiness>>(),
                rocket.state::<demo::Slot>(),
            ) else {
                return rocket.shutdown().notify();
            };
            tokio::spawn(maintenance::run(
                db.pool().clone(),
                writer.clone(),
                config.clone(),
            ));
            tokio::spawn(erasing::run(db.pool().clone(), writer.clone()));
            tokio::spawn(live.clone().keep_presence(db.clone()));
            keep(identities, db.pool(), &live, config.jwks_secs);
            tokio::spawn(forget(limits.clone(), refused.clone()));
            tokio::spawn(streams.clone().keep_ending());
            let waking = live.clone();
            tokio::spawn(
                tickets
                    .clone()
                    .keep_valid(db.pool().clone(), move || waking.wake_all()),
            );
            tokio::spawn(on_signal(readiness.clone(), live, rocket.shutdown()));
            let address = format!(
                "http://{}",
                std::net::SocketAddr::new(rocket.config().address, rocket.config().port)
            );
            if let Err(error) = welcome(&config, &writer, slot, &address).await {
                tracing::error!(%error, "the demo site was not loaded");
            }
        })
    })
}

/// Lets go of users and addresses whose allowances are whole again: what is counted is of the last hour.
async fn forget(limits: Arc<Limits>, refused: Arc<RefusedTokens>) {
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        limits.forget();
        refused.forget();
    }
}

/// Keeps what tokens are checked against.
fn keep(identities: &Arc<Identities>, pool: &PgPool, live: &Arc<Live>, jwks_secs: u64) {
    let (of, waking) = (identities.clone(), live.clone());
    let every = Duration::from_secs(jwks_secs);
    tokio::spawn(async move { of.keep_keys(every, || waking.wake_all()).await });
    let (of, pool, waking) = (identities.clone(), pool.clone(), live.clone());
    tokio::spawn(async move { of.keep_revoked(pool, |user| waking.wake(user)).await });
}

/// Says where the service is and, in development, what to try: where to look comes first.
async fn welcome(
    config: &Config,
    writer: &Writer,
    slot: &demo::Slot,
    address: &str,
) -> crate::error::Result<()> {
    let site = match config.demo {
        true => demo::load(writer)
            .await
            .map(|site| Some(*slot.get_or_init(|| site))),
        false => Ok(None),
    };
    if let Ok(Some(_)) = site {
        println!("Look here: {address}/demo");
    }
    println!(
        "Causerie {} listens on {address}",
        env!("CARGO_PKG_VERSION")
    );
    if let Some(site) = site? {
        println!("{}", demo::tour(address, site)?);
    } else if config.is_debug {
        println!(
            "The API: {address}/docs. The demo site is only there without a CAUSERIE_JWT_SECRET of your own."
        );
    }
    Ok(())
}
