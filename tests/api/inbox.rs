//! The inbox of somebody in many conversations: its pages are looked for where memory says, and are what Postgres says.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::Value;

use crate::support::{App, Database, Instance, Person};

/// Of each page.
const LIMIT: usize = 5;
/// Many enough for pages of so few that memory picks some.
const CONVERSATIONS: usize = 60;

/// A reader that polls, and who it talks with.
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
            conversations.push(other.converse_with("reader").await);
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

/// How often a page was looked for where memory says.
async fn short_cuts(instance: &Instance) -> f64 {
    let name = "causerie_sql_statements_total{kind=\"conversations.list_newest\"}";
    instance.metric(name).await
}

#[tokio::test]
async fn a_large_inbox_is_the_same_page_by_page_however_it_moves() {
    let app = App::start().await;
    let inbox = Inbox::fill(&app).await;
    let reader = &inbox.reader;
    assert_eq!(by_tokens(reader).await, by_numbers(reader).await);
    let instance = &app.instances[0];
    assert_eq!(short_cuts(instance).await, 0.0, "nobody has polled yet");
    reader.cursor().await;
    reader.get("/v1/unread").await.ok();
    let mut rng = StdRng::seed_from_u64(7);
    for round in 0..12 {
        match round % 3 {
            0 => inbox.say(rng.random_range(0..CONVERSATIONS)).await,
            // What memory has at the top is gone for its reader: the pages are filled from below.
            1 => {
                let newest = by_numbers(reader).await;
                for id in newest.choose_multiple(&mut rng, 2).chain(&newest[..2]) {
                    let path = format!("/v1/conversations/{id}");
                    reader.delete(&path).await;
                }
            }
            _ => {
                let new = app.person(&format!("new-{round}"));
                new.converse_with("reader").await;
            }
        }
        let expected = by_numbers(reader).await;
        assert_eq!(by_tokens(reader).await, expected, "round {round}");
        let sync = reader.get(&format!("/v1/sync?limit={LIMIT}")).await.ok();
        assert_eq!(ids(&sync["conversations"]), expected[..LIMIT]);
    }
    assert!(short_cuts(instance).await > 40.0);
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
    let mut late = 0;
    for n in 0..CONVERSATIONS / 2 {
        let cursor = reader.cursor().await;
        reader.get("/v1/unread").await.ok();
        inbox.say(n).await;
        let path = format!("/v1/conversations?limit={LIMIT}");
        let page = ids(&reader.get(&path).await.ok());
        assert_eq!(page[0], inbox.conversations[n]);
        let events = reader.poll(&cursor, "").await.ok();
        late += usize::from(events["events"].as_array().is_some_and(Vec::is_empty));
    }
    assert!(short_cuts(deaf).await > 20.0);
    assert!(late > 5, "the tail was never behind: {late}");
}
