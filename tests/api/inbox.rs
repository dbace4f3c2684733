//! The inbox of somebody in many conversations: its pages are looked for where memory says, and are what Postgres says.

use causerie::model::{Cursor, UserKey};
use causerie::store::conversations::{Filter, Newest, list};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::support::{App, Database, Instance, Person};

/// Of each page.
const LIMIT: usize = 5;
/// More than a few, so that memory is asked.
const CONVERSATIONS: usize = 60;

/// Somebody, and who it talks with.
struct Inbox {
    reader: Person,
    others: Vec<Person>,
    conversations: Vec<String>,
}

impl Inbox {
    async fn fill(app: &App) -> Self {
        let reader = app.person("reader");
        reader.get("/v1/me").await.ok();
        let (mut others, mut conversations) = (Vec::new(), Vec::new());
        for n in 0..CONVERSATIONS {
            let other = app.person(&format!("other-{n}"));
            let conversation = other.converse_with("reader").await;
            // Something for the other to read.
            reader.say(&conversation, "Good morning").await.ok();
            conversations.push(conversation);
            others.push(other);
        }
        Self {
            reader,
            others,
            conversations,
        }
    }

    async fn say(&self, n: usize) {
        let answer = self.others[n].say(&self.conversations[n], "Hello").await;
        answer.ok();
    }

    /// An event of a conversation that is no activity.
    async fn read(&self, n: usize) {
        let path = format!("/v1/conversations/{}/read", self.conversations[n]);
        let receipt = self.others[n].post(&path, &json!({})).await.ok();
        assert!(receipt["readUpTo"].as_i64() >= Some(1), "{receipt}");
    }
}

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.iter().map(id).collect()
}

/// All pages, each by the token of the one before.
async fn by_tokens(reader: &Person) -> Vec<String> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/conversations?limit={LIMIT}{token}");
        let page = reader.get(&path).await.ok();
        all.extend(ids(&page));
        let Some(next) = page["nextPageToken"].as_str() else {
            return all;
        };
        token = format!("&pageToken={next}");
    }
}

/// All pages, by their numbers: memory has no part in these.
async fn by_numbers(reader: &Person) -> Vec<String> {
    let mut all = Vec::new();
    for number in 1.. {
        let path = format!("/v1/conversations?limit={LIMIT}&page={number}");
        let page = ids(&reader.get(&path).await.ok());
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    all
}

async fn of_sync(reader: &Person) -> Vec<String> {
    let sync = reader.get(&format!("/v1/sync?limit={LIMIT}")).await.ok();
    ids(&sync["conversations"])
}

/// How many lists were looked for where memory says, and how many were sorted by Postgres.
async fn statements(instance: &Instance) -> (f64, f64) {
    let count = async |kind: &str| {
        let name = format!("causerie_sql_statements_total{{kind=\"{kind}\"}}");
        instance.metric(&name).await
    };
    (
        count("conversations.list_newest").await,
        count("conversations.list").await,
    )
}

#[tokio::test]
async fn a_large_inbox_is_the_same_page_by_page_however_it_moves() {
    let app = App::start().await;
    let inbox = Inbox::fill(&app).await;
    let reader = &inbox.reader;
    assert_eq!(by_tokens(reader).await, by_numbers(reader).await);
    let instance = &app.instances[0];
    let (short, _) = statements(instance).await;
    assert_eq!(short, 0.0, "nobody has polled yet");
    // The feed is born.
    reader.get("/v1/unread").await.ok();
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..20 {
        match round % 4 {
            0 => inbox.say(rng.random_range(0..CONVERSATIONS)).await,
            1 => {
                let newest = by_numbers(reader).await;
                for id in newest.choose_multiple(&mut rng, 2).chain(&newest[..2]) {
                    let path = format!("/v1/conversations/{id}");
                    let status = reader.delete(&path).await.status;
                    assert!([204, 404].contains(&status), "{status}");
                }
            }
            2 => {
                let new = app.person(&format!("new-{round}"));
                new.converse_with("reader").await;
            }
            _ => inbox.read(rng.random_range(0..CONVERSATIONS)).await,
        }
        let expected = by_numbers(reader).await;
        let (_, sorted) = statements(instance).await;
        assert_eq!(by_tokens(reader).await, expected, "round {round}");
        assert_eq!(of_sync(reader).await, expected[..LIMIT], "round {round}");
        assert_eq!(statements(instance).await.1, sorted, "round {round}");
    }
}

#[tokio::test]
async fn what_the_tail_has_not_applied_yet_is_in_the_inbox_all_the_same() {
    let mut app = App::start().await;
    // It listens at a database where nobody speaks, and finds what is new up to a second later.
    let silent = Database::create().await;
    app.add("", &[("CAUSERIE_LISTEN_URL", &silent.url)]).await;
    let inbox = Inbox::fill(&app).await;
    let deaf = &app.instances[1];
    let reader = inbox.reader.at(&deaf.url);
    reader.get("/v1/unread").await.ok();
    let mut late = 0;
    for n in 0..CONVERSATIONS / 2 {
        let cursor = reader.cursor().await;
        match n % 3 {
            0 => inbox.say(n).await,
            1 => inbox.read(n).await,
            _ => {
                let new = app.person(&format!("new-{n}"));
                new.converse_with("reader").await;
            }
        }
        let (pages, sync) = (by_tokens(&reader).await, of_sync(&reader).await);
        let events = reader.poll(&cursor, "").await.ok();
        late += usize::from(events["events"].as_array().is_some_and(Vec::is_empty));
        let expected = by_numbers(&inbox.reader).await;
        assert_eq!((&pages, &sync[..]), (&expected, &expected[..LIMIT]));
    }
    let (short, sorted) = statements(deaf).await;
    assert!(short > 100.0 && sorted < short / 4.0, "{short} {sorted}");
    assert!(late > 5, "the tail was never behind: {late}");
}

#[tokio::test]
async fn where_memory_may_be_wrong_postgres_sorts_them_all() {
    let app = App::start().await;
    let inbox = Inbox::fill(&app).await;
    let head: Cursor = inbox.reader.cursor().await.parse().expect("a cursor");
    let me = UserKey::new("default", "reader");
    let mut connection = app.database.connect().await;
    let mut of_one = async |applied: Cursor, left_out: i64| {
        let newest = Newest {
            ids: vec![inbox.conversations[7].parse().expect("an id")],
            left_out,
            applied,
        };
        let page = list(&mut connection, &me, Some(newest), &Filter::default(), 100).await;
        page.expect("a page").0.len()
    };
    assert_eq!(of_one(head, 0).await, 1, "trusted");
    let other = Cursor {
        epoch: causerie::model::Epoch::random(),
        ..head
    };
    assert_eq!(of_one(other, 0).await, CONVERSATIONS, "another log");
    let at = |position| Cursor { position, ..head };
    let (above, far_below) = (at(head.position + 1), at(head.position - 1_001));
    assert_eq!(
        of_one(above, 0).await,
        CONVERSATIONS,
        "a log that ends below"
    );
    assert_eq!(of_one(far_below, 0).await, CONVERSATIONS, "too far behind");
    assert_eq!(
        of_one(head, head.position).await,
        CONVERSATIONS,
        "left out newer ones"
    );
}
