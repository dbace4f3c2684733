//! E-mails about unread messages: by a clock that the test sets, through the log, and to a real SMTP server.

#[path = "digests/clock.rs"]
mod clock;
#[path = "digests/hours.rs"]
mod hours;
#[path = "digests/kept.rs"]
mod kept;
#[path = "digests/mailed.rs"]
mod mailed;
#[path = "digests/sweep.rs"]
mod sweep;

use causerie::jobs::digest::{self, BACK_OFF};
use causerie::model::{Language, UserKey};
use causerie::store::digest_sweep::Clock;
use causerie::store::jobs::Ending;
use causerie::store::preferences::Defaults;
use causerie::store::{Db, connect_options, digest_sweep, migrate};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use crate::support::Database;

/// As it is set where nothing is said.
pub const PERIOD: TimeDelta = TimeDelta::minutes(5);

/// A database with people and what they said at times of the test's own; nothing runs on it.
pub struct Site {
    pub database: Database,
    pub db: Db,
}

/// `2026-01-10 13:02`, by UTC.
pub fn at(text: &str) -> DateTime<Utc> {
    let form = match text.matches(':').count() {
        1 => format!("{text}:00Z"),
        _ => format!("{text}Z"),
    };
    form.replace(' ', "T").parse().expect("a time")
}

pub fn moment(now: &str) -> Clock {
    Clock {
        now: at(now),
        period: PERIOD,
        back_off: BACK_OFF,
    }
}

impl Site {
    /// `alice` and `bob`, whose addresses are known, in conversations 1, 2 and 3.
    pub async fn build() -> Self {
        let database = Database::create().await;
        migrate(&mut database.connect().await)
            .await
            .expect("the schema");
        let options = connect_options(&database.url).expect("a URL");
        let pool: PgPool = PgPoolOptions::new().connect_lazy_with(options);
        let site = Self {
            database,
            db: Db::from(pool),
        };
        site.tenant("default").await;
        site
    }

    pub async fn tenant(&self, tenant: &str) {
        self.run(&format!(
            "insert into users (tenant_id, id, name, email) select '{tenant}', id, id, id || '@mail.example' from unnest(array['alice', 'bob']) id"
        ))
        .await;
        self.run(&format!(
            "insert into conversations (tenant_id, id, type, last_position, activity_position, created_at, updated_at)
             select '{tenant}', md5('c' || n)::uuid, 'GROUP', 0, 0, '2020-01-01', '2020-01-01' from generate_series(1, 3) n"
        ))
        .await;
        self.run(&format!(
            "insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at)
             select '{tenant}', md5('c' || n)::uuid, id, 0, '2020-01-01' from generate_series(1, 3) n, unnest(array['alice', 'bob']) id"
        ))
        .await;
    }

    pub async fn run(&self, sql: &str) {
        self.database.execute(sql).await;
    }

    /// Alice says something to bob.
    pub async fn says(&self, conversation: u32, when: &str) {
        self.says_in("default", conversation, when).await;
    }

    pub async fn says_in(&self, tenant: &str, conversation: u32, when: &str) {
        let when = at(when);
        self.run(&format!(
            "with place as (select coalesce(max(position), 0) + 1 as position from events),
                  moved as (update conversations c set last_seq = last_seq + 1, last_position = p.position, activity_position = p.position
                              from place p where tenant_id = '{tenant}' and id = md5('c{conversation}')::uuid returning c.id, c.last_seq),
                  said as (insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
                           select '{tenant}', gen_random_uuid(), id, last_seq, 'USER', 'alice', 'said', p.position, p.position, '{when}' from moved, place p
                           returning id, conversation_id, seq, created_position)
             insert into events (position, tenant_id, type, conversation_id, message_id, actor_id, seq, occurred_at)
             select created_position, '{tenant}', 'message.created', conversation_id, id, 'alice', seq, '{when}' from said"
        ))
        .await;
    }

    /// Bob has read all of it.
    pub async fn reads(&self, conversation: u32, when: &str) {
        let when = at(when);
        self.run(&format!(
            "update members m set read_up_to = c.last_seq, read_at = '{when}' from conversations c
              where c.tenant_id = m.tenant_id and c.id = m.conversation_id and c.id = md5('c{conversation}')::uuid and m.user_id = 'bob'"
        ))
        .await;
    }

    /// Bob was on the site then, and is taken for there until `until`.
    pub async fn is_seen(&self, when: &str, until: &str) {
        let (when, until) = (at(when), at(until));
        self.run(&format!(
            "insert into presence (tenant_id, user_id, last_seen_at, online_until, changed_at) values ('default', 'bob', '{when}', '{until}', '{when}')
             on conflict (tenant_id, user_id) do update set last_seen_at = excluded.last_seen_at, online_until = excluded.online_until"
        ))
        .await;
    }

    /// What becomes of bob's job at that time.
    pub async fn tell(&self, when: &str) -> Ending {
        self.tell_in("default", at(when)).await
    }

    pub async fn tell_in(&self, tenant: &str, now: DateTime<Utc>) -> Ending {
        let defaults = Defaults {
            time_zone: chrono_tz::Tz::Europe__Paris,
            language: Language::Fr,
        };
        let bob = UserKey::new(tenant, "bob");
        let told = digest::tell(&self.db, &bob, defaults, PERIOD, now).await;
        told.expect("an ending")
    }

    /// The subjects of bob's e-mails, the oldest first.
    pub async fn subjects(&self) -> Vec<String> {
        let text = "select payload from jobs where kind = 'EMAIL' and user_id = 'bob' order by run_at, tenant_id";
        let rows: Vec<Value> = sqlx::query_scalar(text)
            .fetch_all(&mut self.database.connect().await)
            .await
            .expect("e-mails");
        let subject = |row: &Value| row["email"]["subject"].as_str().map(str::to_owned);
        rows.iter().filter_map(subject).collect()
    }

    /// Goes through the log once.
    pub async fn sweep(&self, now: &str, limit: i64) -> bool {
        let more = digest_sweep::go_on(&self.db, &moment(now), limit).await;
        more.expect("a step")
    }

    pub async fn begin(&self, now: &str) {
        digest_sweep::begin(&mut self.database.connect().await, at(now))
            .await
            .expect("it is begun");
    }
}

pub fn later(text: &str) -> Ending {
    Ending::Later(at(text))
}

#[track_caller]
pub fn assert_moot(ending: &Ending) {
    assert!(matches!(ending, Ending::Moot(_)), "{ending:?}");
}
