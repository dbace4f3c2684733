//! Sending, paging, following one conversation.

use reqwest::Method;
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{Answer, App, Person};

pub async fn say_many(by: &Person, conversation: &str, count: usize) {
    for i in 1..=count {
        by.say(conversation, &format!("n{i}")).await.ok();
    }
}

fn seqs(page: &Value) -> Vec<i64> {
    let items = page["items"].as_array().expect("items").iter();
    items
        .filter_map(|message| message["seq"].as_i64())
        .collect()
}

fn range(from: i64, to: i64) -> Vec<i64> {
    (from..=to).collect()
}

#[tokio::test]
async fn a_message_is_numbered_and_shown_whole() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let before = chrono::Utc::now();
    let sent = alice.say(&conversation, "Bonjour").await;
    assert_eq!(sent.status, 201);
    let id = sent.body["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        sent.header("Location"),
        Some(&*format!("/v1/messages/{id}"))
    );
    assert_eq!(sent.header("Cache-Control"), Some("private, no-store"));
    let at = sent.body["createdAt"].as_str().expect("a time").to_owned();
    let expected = json!({ "id": id, "conversationId": conversation, "seq": 1, "type": "USER",
        "sender": { "id": "alice", "name": "alice", "imageUrl": null, "role": null }, "content": "Bonjour", "attachments": [], "replyTo": null,
        "notice": null, "clientMessageId": null, "metadata": {}, "createdAt": at, "editedAt": null, "isDeleted": false });
    let mut own = expected.clone();
    own["status"] = json!("SENT");
    assert_eq!(sent.body, own);
    assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
    let created = chrono::DateTime::parse_from_rfc3339(&at).expect("RFC 3339");
    assert!((created.to_utc() - before).num_seconds().abs() < 60);
    let version = uuid::Uuid::parse_str(&id)
        .expect("a UUID")
        .get_version_num();
    assert_eq!(version, 7);
    assert_eq!(bob.get(&format!("/v1/messages/{id}")).await.ok(), expected);
    assert_eq!(bob.say(&conversation, "Oui").await.ok()["seq"], 2);
}

#[tokio::test]
async fn the_history_is_paged_from_either_end() {
    let app = App::start().await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    say_many(&alice, &conversation, 57).await;
    let path = format!("/v1/conversations/{conversation}/messages");
    for (query, expected, more) in [
        ("", range(8, 57), true),
        ("?limit=57", range(1, 57), false),
        ("?limit=3", range(55, 57), true),
        ("?before=55&limit=3", range(52, 54), true),
        ("?before=4&limit=3", range(1, 3), false),
        ("?before=1", vec![], false),
        ("?before=0", vec![], false),
        ("?before=1000&limit=2", range(56, 57), true),
        ("?after=0&limit=3", range(1, 3), true),
        ("?after=54&limit=3", range(55, 57), false),
        ("?after=57", vec![], false),
        ("?after=1000", vec![], false),
    ] {
        let page = bob.get(&format!("{path}{query}")).await.ok();
        assert_eq!(
            (seqs(&page), &page["hasMore"]),
            (expected, &json!(more)),
            "{query}"
        );
    }
    // Numbered from the newest, each page oldest first.
    for (number, expected) in [
        (1, range(38, 57)),
        (2, range(18, 37)),
        (3, range(1, 17)),
        (4, vec![]),
    ] {
        let page = bob
            .get(&format!("{path}?page={number}&limit=20"))
            .await
            .ok();
        assert_eq!(seqs(&page), expected, "{number}");
        assert_eq!(
            (&page["page"], &page["limit"], &page["total"]),
            (&json!(number), &json!(20), &json!(57))
        );
        assert_eq!(page.get("hasMore"), None);
    }
    // Whoever comes later sees what was said before.
    let empty = alice
        .post(
            "/v1/conversations",
            &json!({ "type": "GROUP", "memberIds": ["bob"] }),
        )
        .await
        .ok();
    let path = format!(
        "/v1/conversations/{}/messages",
        empty["id"].as_str().expect("an id")
    );
    for query in ["", "?after=0", "?before=9", "?since=0", "?page=1"] {
        assert_eq!(
            bob.get(&format!("{path}{query}")).await.ok()["items"],
            json!([]),
            "{query}"
        );
    }
}

async fn follow(
    person: &Person,
    path: &str,
    since: &str,
    etag: Option<&str>,
    limit: usize,
) -> Answer {
    let mut get = person.request(Method::GET, &format!("{path}?since={since}&limit={limit}"));
    if let Some(etag) = etag {
        get = get.header("If-None-Match", etag);
    }
    person.send(get).await
}

#[tokio::test]
async fn one_conversation_can_be_followed_by_its_own_cursor() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let other = alice
        .post(
            "/v1/conversations",
            &json!({ "type": "GROUP", "memberIds": ["bob"] }),
        )
        .await
        .ok();
    let other = other["id"].as_str().expect("an id");
    let path = format!("/v1/conversations/{conversation}/messages");
    say_many(&alice, &conversation, 7).await;
    caught_up(&bob.at(&app.instances[1].url), &bob).await;
    // From the beginning, page by page, on either instance.
    let (mut since, mut seen, mut pages) = ("0".to_owned(), Vec::new(), 0);
    loop {
        let bob = bob.at(&app.instances[pages % 2].url);
        let page = follow(&bob, &path, &since, None, 2).await;
        since = page.cursor();
        seen.extend(seqs(&page.body));
        pages += 1;
        if page.body["hasMore"] == false {
            break;
        }
    }
    assert_eq!((seen, pages), (range(1, 7), 4));

    // Nothing new: 304, whatever happens elsewhere.
    let idle = follow(&bob, &path, &since, None, 50).await;
    let etag = idle.header("ETag").expect("an ETag").to_owned();
    assert!(etag.starts_with("W/\""));
    alice.say(other, "elsewhere").await.ok();
    for _ in 0..3 {
        let idle = follow(&bob, &path, &since, Some(&etag), 50).await;
        assert_eq!(
            (idle.status, idle.text.as_str(), idle.header("ETag")),
            (304, "", Some(&*etag))
        );
        let seconds: u64 = idle
            .header("X-Poll-Interval")
            .expect("a rhythm")
            .parse()
            .expect("whole seconds");
        assert!((1..=60).contains(&seconds));
    }
    let without = follow(&bob, &path, &since, None, 50).await;
    assert_eq!((without.status, &without.body["items"]), (200, &json!([])));

    // Something new here: only that.
    alice.say(&conversation, "new").await.ok();
    let news = follow(&bob, &path, &since, Some(&etag), 50).await;
    assert_eq!((news.status, seqs(&news.body)), (200, vec![8]));
    assert_ne!(news.header("ETag"), Some(&*etag));
    let since = news.cursor();
    let idle = follow(&bob, &path, &since, news.header("ETag"), 50).await;
    assert_eq!(
        idle.status, 304,
        "the ETag of an answer with messages is good for the next"
    );
    // A cursor of the feed is one of the same log.
    let feed = bob.cursor().await;
    bob.say(&conversation, "newer").await.ok();
    assert_eq!(seqs(&follow(&bob, &path, &feed, None, 50).await.body), [9]);
}
