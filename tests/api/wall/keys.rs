//! The wall in the schema: no key, and no reference from row to row, without the tenant.

use sqlx::PgConnection;

use crate::support::Database;

/// Tables without anything of a person.
const NOBODYS: [(&str, &str); 4] = [
    (
        "_sqlx_migrations",
        "sqlx's own: which migrations were applied",
    ),
    ("log_state", "which log this is: one row"),
    ("secrets", "random bytes: one row"),
    ("unread_sweep", "how far the log was gone through: one row"),
];

/// Keys that hold without a tenant.
const GLOBAL_KEYS: [(&str, &str); 2] = [
    ("events_pkey", "one log for all: a position is given once"),
    (
        "stream_tickets_pkey",
        "the hash of 128 random bits: whoever shows a ticket has not said who they are",
    ),
];

/// Indexes without a tenant, which are no keys: for what goes by time, whoever it belongs to.
const BY_TIME: [&str; 17] = [
    "digests_told_at",
    "erasures_requested_at",
    "handouts_at",
    "idempotency_keys_created_at",
    "jobs_dead",
    "jobs_digests_due",
    "jobs_due",
    "jobs_emails_due",
    "jobs_finished",
    "jobs_leased",
    "notifications_created_at",
    "notifications_over",
    "presence_changed",
    "reminders_finished_at",
    "revisions_replaced_at",
    "revocations_revoked_at",
    "stream_tickets_expires",
];

/// Columns that are named like a reference, and have no foreign key.
const NO_REFERENCES: [(&str, &str); 13] = [
    (
        "conversations.context_id",
        "the host's own: an ad, an appointment",
    ),
    ("conversations.organization_id", "the host's own"),
    ("events.actor_id", EVENTS),
    ("events.audience_user_id", EVENTS),
    ("events.conversation_id", EVENTS),
    ("events.message_id", EVENTS),
    ("events.notification_id", EVENTS),
    ("events.subject_user_id", EVENTS),
    (
        "jobs.user_id",
        "an e-mail may go to whoever was never seen; erased with the person",
    ),
    ("messages.client_message_id", "the client's own"),
    (
        "revisions.replaced_by",
        "whoever edited it: a name for moderators, and for an export; gone after a month",
    ),
    (
        "revocations.user_id",
        "a person's tokens may be taken back before the person was ever seen",
    ),
    ("stream_tickets.stream_id", "a stream is no row"),
];
const EVENTS: &str = "written under the log's lock, by the statements that have just found or made what it names; each \
    check would be a look-up and a row lock for every event, and what it names outlives it";

/// Tables that are somebody's and do not say of which tenant.
const WITHOUT_TENANT: &str = "
    select c.relname::text from pg_class c
     where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
       and not exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and a.attnotnull
                          and a.atttypid = 'text'::regtype and not a.attisdropped)";

/// Indexes without the tenant in front, by whether they are keys (`$1`).
const INDEXES: &str = "
    select i.indexrelid::regclass::text from pg_index i
      join pg_class c on c.oid = i.indrelid and c.relnamespace = 'public'::regnamespace
      left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
     where i.indisunique = $1 and a.attname is distinct from 'tenant_id' and c.relname <> all($2)";

/// Foreign keys that do not hold the tenant against the tenant.
const FOREIGN_KEYS: &str = "
    select f.conname::text from pg_constraint f
     where f.contype = 'f' and f.connamespace = 'public'::regnamespace
       and not exists (
           select from unnest(f.conkey, f.confkey) as k (here, there)
             join pg_attribute h on h.attrelid = f.conrelid and h.attnum = k.here and h.attname = 'tenant_id'
             join pg_attribute t on t.attrelid = f.confrelid and t.attnum = k.there and t.attname = 'tenant_id')";

/// Columns that are named like a reference and are in no foreign key. A table's own `id` is what others refer to.
const REFERENCES: &str = "
    select c.relname || '.' || a.attname from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
     where a.attnum > 0 and not a.attisdropped and a.attname <> 'tenant_id' and c.relname <> all($1)
       and (a.attname like '%\\_id' or a.attname like '%\\_by')
       and not exists (select from pg_constraint f where f.contype = 'f' and f.conrelid = c.oid and a.attnum = any(f.conkey))";

#[tokio::test]
async fn every_key_and_every_reference_holds_the_tenant() {
    let mut connection = migrated().await;
    let names = |list: &[(&str, &str)]| {
        list.iter()
            .map(|(name, _)| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let found = Found::of(&mut connection).await;
    assert_eq!(found.tables, names(&NOBODYS), "tables without a tenant");
    assert_eq!(found.keys, names(&GLOBAL_KEYS), "keys without a tenant");
    assert_eq!(found.indexes, BY_TIME, "indexes without a tenant");
    assert_eq!(found.foreign_keys, [""; 0], "foreign keys across tenants");
    assert_eq!(
        found.references,
        names(&NO_REFERENCES),
        "references without a foreign key"
    );
}

/// What a migration in a hurry would add, each line of it a hole in the wall.
const HOLES: [&str; 7] = [
    "create table notes (id uuid constraint notes_pkey primary key)",
    "alter table users add column number bigint constraint users_number unique",
    "create index messages_content on messages (content)",
    "alter table members add column invited_by text",
    "alter table conversations add constraint conversations_id unique (id)",
    "alter table users add column main_conversation uuid",
    "alter table users add constraint users_main_conversation foreign key (main_conversation) references conversations (id)",
];

#[tokio::test]
async fn a_key_without_the_tenant_is_found() {
    let mut connection = migrated().await;
    let before = Found::of(&mut connection).await;
    for sql in HOLES {
        let done = sqlx::query(sql).execute(&mut connection).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
    let after = Found::of(&mut connection).await;
    let new = |before: Vec<String>, mut after: Vec<String>| {
        after.retain(|one| !before.contains(one));
        after
    };
    assert_eq!(new(before.tables, after.tables), ["notes"]);
    assert_eq!(
        new(before.keys, after.keys),
        ["conversations_id", "notes_pkey", "users_number"]
    );
    assert_eq!(new(before.indexes, after.indexes), ["messages_content"]);
    assert_eq!(
        new(before.foreign_keys, after.foreign_keys),
        ["users_main_conversation"]
    );
    assert_eq!(
        new(before.references, after.references),
        ["members.invited_by"]
    );
}

async fn migrated() -> PgConnection {
    let mut connection = Database::create().await.connect().await;
    causerie::store::migrate(&mut connection)
        .await
        .expect("the schema");
    connection
}

/// What holds without a tenant, by name, in the order of the names.
struct Found {
    tables: Vec<String>,
    keys: Vec<String>,
    indexes: Vec<String>,
    foreign_keys: Vec<String>,
    references: Vec<String>,
}

impl Found {
    async fn of(connection: &mut PgConnection) -> Self {
        let nobodys: Vec<String> = NOBODYS.map(|(name, _)| name.to_owned()).to_vec();
        let keys = sqlx::query_scalar(INDEXES).bind(true).bind(&nobodys);
        let indexes = sqlx::query_scalar(INDEXES).bind(false).bind(&nobodys);
        let references = sqlx::query_scalar(REFERENCES).bind(&nobodys);
        let tables = sqlx::query_scalar(WITHOUT_TENANT);
        let foreign_keys = sqlx::query_scalar(FOREIGN_KEYS);
        let mut lists = Vec::new();
        for query in [tables, keys, indexes, foreign_keys, references] {
            let mut names: Vec<String> =
                query.fetch_all(&mut *connection).await.expect("a catalog");
            names.sort();
            lists.push(names);
        }
        let [tables, keys, indexes, foreign_keys, references] = lists.try_into().expect("five");
        Self {
            tables,
            keys,
            indexes,
            foreign_keys,
            references,
        }
    }
}
