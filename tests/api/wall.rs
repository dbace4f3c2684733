//! The wall between tenants: in the schema, by its keys; and in every statement that the service sends, by what it finds
//! and changes when another tenant asks the same.

#[path = "wall/emailed.rs"]
mod emailed;
#[path = "wall/everything.rs"]
mod everything;
#[path = "wall/keys.rs"]
mod keys;
#[path = "wall/looking.rs"]
mod looking;
#[path = "wall/mutants.rs"]
mod mutants;
#[path = "wall/parting.rs"]
mod parting;
#[path = "wall/reminded.rs"]
mod reminded;
#[path = "wall/replay.rs"]
mod replay;
#[path = "wall/statements.rs"]
mod statements;
#[path = "wall/worlds.rs"]
mod worlds;

use std::path::PathBuf;

use causerie::embedded::{Embedded, Settings};

use self::statements::{Parameters, Statement, normal};
use self::worlds::Tables;
use crate::support::{App, Database, remove_what_dead_runs_left};

/// Of whom everything is. A word that stands nowhere else: in a statement's parameters it is the tenant.
pub const TENANT: &str = "tenant-one";

/// So many that nobody meets them, and each is looked at.
const HARDLY: &str = "limits={sends_per_second=0,conversations_per_hour=1000000,refused_tokens_per_minute=0,streams=0}";

/// By a server that nobody runs: what is sent is SQL.
const MAIL: &str = "mail={smtp_url=\"smtp://127.0.0.1:1\",from=\"chat@example.org\",public_url=\"https://chat.example\",digest_after_secs=1}";

/// Statements that ask for no tenant, by words of each (`^` its begin, `$` its end), and why that is right.
const ACROSS: [(&str, &str); 32] = [
    ("as head, clock_timestamp() as now", LOG),
    ("pg_control_system", LOG),
    (
        "e.* from log_state s left join lateral (select * from events where position > $1",
        LOG,
    ),
    ("select * from events where position = any($1)", LOG),
    (
        "^select coalesce((select position from events order by position desc limit 1), 0) as head$",
        LOG,
    ),
    ("^select (select epoch from log_state) as epoch,", LOG),
    ("with old as ( select position from events", LOG),
    ("from presence p where p.changed_at >", SWEEP),
    ("from revocations where revoked_at >", SWEEP),
    ("delete from revocations", FORGOTTEN),
    ("^select coalesce(min(position), 1) - 1,", LOG),
    ("^delete from handouts", FORGOTTEN),
    ("^delete from jobs where ctid in", FORGOTTEN),
    ("^delete from digests where ctid in", FORGOTTEN),
    ("^insert into unread_sweep", LOG),
    (
        "from events where position > $1 order by position limit $3",
        LOG,
    ),
    (
        "^select m.tenant_id, m.user_id, min(coalesce(w.until, $4)) as at from (select tenant_id, conversation_id, min(seq)",
        "whoever has not read what the log tells of: each job goes where its row says",
    ),
    ("^with emails as ( select tenant_id, id from jobs", JOBS),
    ("where state = 'RUNNING' and leased_until < now()", JOBS),
    (
        "(select count(*) from jobs where state = 'DEAD')",
        "four numbers for /metrics",
    ),
    (
        "^update erasures set claimed_until",
        "whichever erasure nobody goes on with: it says whose it is",
    ),
    ("delete from revisions where ctid in", FORGOTTEN),
    ("^delete from notifications where ctid", FORGOTTEN),
    ("^delete from idempotency_keys", FORGOTTEN),
    (
        "^delete from reminder_people where ctid in ( select p.ctid from (",
        FORGOTTEN,
    ),
    ("^delete from reminders where ctid", FORGOTTEN),
    (
        "^select distinct tenant_id, user_id from ( select tenant_id, user_id from notifications",
        "whoever has not read what is too old: each row goes where its tenant says",
    ),
    ("^delete from stream_tickets", FORGOTTEN),
    ("^update stream_tickets", TICKET),
    ("from stream_tickets t where t.hash", TICKET),
    ("kept as (update stream_tickets", TICKET),
    (
        "count(*) filter (where not closed)",
        "two numbers for /metrics",
    ),
];
const LOG: &str = "the log is one for all tenants, and its events carry theirs to the feeds";
const SWEEP: &str =
    "what an instance has not been told, of everybody; each row goes where its tenant says";
const TICKET: &str = "a ticket is found by the hash of its 128 random bits, and says whose it is";
const JOBS: &str = "whichever job is due, or held by nobody that lives: it says whose it is";
const FORGOTTEN: &str = "what is too old goes, whoever it belongs to";

/// SQL that the test below does not bring about, and why.
const NOT_SENT: [(&str, &str); 1] = [(
    "select occurred_at = $2 as stands",
    "after a COMMIT without an answer, by position (`script/chaos commit::`)",
)];

/// Where one comparison more says what the others say already, by the words it is forgotten with: nothing changes without.
const SAID_TWICE: [(&[&str], &str); 6] = [
    (
        &["from users u join given using (id)"],
        "what it finds is joined again, by both",
    ),
    (
        &["from put p left join old using (id)"],
        "there is nobody else's in it",
    ),
    (
        &["with old as ( select n.id, n.position from notifications n where true"],
        "what it finds is looked for again, by both",
    ),
    (
        &["from g join k on true and"],
        "both sides are the same batch",
    ),
    (
        &["$11", "c.id = m.conversation_id where true and"],
        "what is looked at was found by the tenant",
    ),
    (
        &["$11", "s.id = x.sender_id where true and x.conversation_id"],
        "of a plain inbox it is not asked",
    ),
];

/// Where the rows that are tried do not tell: nobody's row there differs between one tenant and the other. A statement that
/// forgets the tenant just there is not caught. By the words it is forgotten with.
const UNTOLD: [&str; 11] = [
    "from conversations where true and dedupe_key = g.key",
    "from erasures e where true and e.user_id",
    // The lease is drawn for one taking, and there is none like it.
    "where true and id = $2 and state = 'RUNNING' and lease = $3",
    "from erasures e where true and e.finished_at is null and (",
    "left join users s on true and s.id = x.sender_id where x.tenant_id = c.tenant_id",
    "join users u on true and u.id = g.id and u.is_erased",
    // No message of the other tenant has the id of a job here; and its e-mails are over when they are looked for.
    "not exists (select from messages m where true and m.id = $2)",
    "where true and kind = 'EMAIL' and key = $2 and state <> 'DONE'",
    // What was told at a moment the other tenant was told at another.
    "from digests d join members m on true and",
    "join messages x on true and x.conversation_id = d.conversation_id",
    "left join users s on true and s.id = x.sender_id where d.tenant_id = $1",
];

#[tokio::test]
async fn no_statement_of_one_tenant_reads_or_changes_anothers_rows() {
    let mut stage = Stage::start().await;
    everything::fill(&stage.app.database).await;
    let sent = stage.everything_sent().await;
    assert_all_are_sent(&sent);
    let tables = Tables::read(&mut stage.app.database.connect().await).await;
    let about_people = sent.into_iter().filter(|one| tables.are_in(&one.text));
    let about_people = about_people.map(without_nobodys);
    let (mut subjects, across): (Vec<_>, Vec<_>) =
        about_people.partition(|one| one.parameters.iter().all(|set| set.hold(TENANT)));
    assert_listed(&across);
    let (originals, mutants) = (subjects.len(), mutants::of(&subjects));
    println!(
        "{originals} statements of a tenant, {} of all",
        across.len()
    );
    subjects.extend(mutants);
    let found = replay::run(&stage.app.database, &tables, &subjects).await;
    let found: Vec<_> = subjects.iter().zip(found).collect();
    let (originals, mutants) = found.split_at(originals);
    for (subject, why) in originals {
        let text = &subject.text;
        assert!(
            why.is_none(),
            "{text}\n{}",
            why.as_deref().unwrap_or_default()
        );
    }
    let missed: Vec<_> = mutants.iter().filter(|(_, why)| why.is_none()).collect();
    println!(
        "{} of {} that forget the tenant once are caught",
        mutants.len() - missed.len(),
        mutants.len()
    );
    let mut missed: Vec<_> = missed.iter().map(|(one, _)| normal(&one.text)).collect();
    missed.retain(|text| {
        !SAID_TWICE
            .iter()
            .any(|(parts, _)| parts.iter().all(|part| text.contains(part)))
            && !UNTOLD.iter().any(|part| text.contains(part))
    });
    assert!(
        missed.is_empty(),
        "nothing says so when these forget the tenant: {missed:#?}"
    );
    stage.end().await;
}

/// A server of the test's own, because what is sent is read from the server's log; and the service on it.
struct Stage {
    embedded: Embedded,
    home: PathBuf,
    app: App,
}

impl Stage {
    async fn start() -> Self {
        remove_what_dead_runs_left();
        let home = std::env::temp_dir().join(format!("causerie-chaos-{}.wall", std::process::id()));
        let settings = Settings {
            data_dir: Some(home.clone()),
            pg_bin: std::env::var_os("PG_BIN").map(Into::into),
        };
        let embedded = Embedded::start(&settings)
            .await
            .expect("PostgreSQL is installed: see script/test");
        let database = Database {
            url: embedded.url(),
            name: "causerie".to_owned(),
        };
        let app = App {
            database,
            instances: Vec::new(),
        };
        Self {
            embedded,
            home,
            app,
        }
    }

    /// Every statement of a service that does everything, with its parameters.
    async fn everything_sent(&mut self) -> Vec<Statement> {
        // The server is told to keep its log terse: here the parameters are wanted.
        for setting in ["log_statement = 'all'", "log_error_verbosity = 'default'"] {
            let log = format!("alter database causerie set {setting}");
            self.app.database.execute(&log).await;
        }
        // With a memory so short that most reads go to Postgres.
        self.app
            .add(
                &format!("ring={{events=16}},unknown_users=\"create\",{MAIL},{HARDLY}"),
                &[],
            )
            .await;
        everything::happens(&self.app).await;
        self.app.instances.clear();
        self.app
            .database
            .execute("alter database causerie reset all")
            .await;
        parting::stands_in_the_middle(&self.app.database).await;
        let log = std::fs::read(self.home.join("postgres.log")).expect("the server's log");
        statements::in_log(&String::from_utf8_lossy(&log))
    }

    async fn end(self) {
        drop(self.app);
        self.embedded.stop().await;
        std::fs::remove_dir_all(self.home).expect("it is ours");
    }
}

/// The sweep of the log is a job of no tenant, and nobody's row.
fn without_nobodys(mut one: Statement) -> Statement {
    let is_somebodys = |set: &Parameters| {
        let tenant = set.0.first().map(String::as_str);
        !matches!(tenant, Some("''" | "'{\"\"}'"))
    };
    if one.parameters.iter().any(is_somebodys) {
        one.parameters.retain(is_somebodys);
    }
    one
}

/// Each piece of SQL in the sources was sent, or stands in the list of those that are not.
fn assert_all_are_sent(sent: &[Statement]) {
    let pieces = statements::in_sources();
    let sent: Vec<_> = sent.iter().map(|one| normal(&one.text)).collect();
    let is_sent = |piece: &&String| sent.iter().any(|text| text.contains(*piece));
    let (sent, mut missing): (Vec<_>, Vec<_>) = pieces.iter().partition(is_sent);
    println!("{} of {} pieces of SQL are sent", sent.len(), pieces.len());
    for (words, why) in NOT_SENT {
        let before = missing.len();
        missing.retain(|piece| !piece.starts_with(words));
        assert!(
            missing.len() < before,
            "it is sent, or no more: {words} ({why})"
        );
    }
    assert!(
        missing.is_empty(),
        "let `everything` bring these about: {missing:#?}"
    );
}

/// Each statement without a tenant stands in the list, and each entry of the list is one of them.
fn assert_listed(across: &[Statement]) {
    let mut unlisted: Vec<_> = across
        .iter()
        .map(|one| format!("^{}$", normal(&one.text)))
        .collect();
    for (words, why) in ACROSS {
        let before = unlisted.len();
        unlisted.retain(|text| !text.contains(words));
        let these = before - unlisted.len();
        assert_eq!(these, 1, "{words} ({why}): one statement, not {these}");
    }
    assert!(unlisted.is_empty(), "they ask for no tenant: {unlisted:#?}");
}
