//! The inbox: its order, its filters, its pages, and deleting for oneself.

use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::support::{App, Person};

/// The ids of a list's items, in its order.
pub fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| item["id"].as_str().expect("an id").to_owned())
        .collect()
}

async fn create(by: &Person, body: Value) -> String {
    by.post("/v1/conversations", &body).await.ok()["id"]
        .as_str()
        .expect("an id")
        .to_owned()
}

async fn list(of: &Person, query: &str) -> Value {
    of.get(&format!("/v1/conversations{query}")).await.ok()
}

/// Alice, bob, and this many conversations of theirs, the oldest first.
async fn many(app: &App, count: usize) -> (Person, Person, Vec<String>) {
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    bob.get("/v1/me").await.ok();
    let mut made = Vec::new();
    for i in 0..count {
        let body = json!({ "type": "PRIVATE", "recipientId": "bob", "context": { "type": if i % 2 == 0 { "AD" } else { "JOB" }, "id": format!("{}", i / 2) },
            "organizationId": format!("org-{}", i % 3) });
        made.push(create(&alice, body).await);
    }
    (alice, bob, made)
}

#[tokio::test]
async fn the_list_has_the_newest_activity_first_for_everybody_in_it() {
    let app = App::start().await;
    let (alice, bob, made) = many(&app, 3).await;
    let [a, b, c] = [&made[0], &made[1], &made[2]];
    assert_eq!(ids(&list(&alice, "").await), [c, b, a].map(String::clone));
    bob.say(a, "hi").await.ok();
    alice.say(b, "hi").await.ok();
    // Reading is no activity.
    alice
        .post(&format!("/v1/conversations/{a}/read"), &json!({}))
        .await
        .ok();
    for person in [&alice, &bob] {
        let page = list(person, "").await;
        assert_eq!(ids(&page), [b, a, c].map(String::clone));
        assert_eq!(page["hasMore"], false);
        assert_eq!(page.get("nextPageToken"), None);
    }
    let first = &list(&bob, "").await["items"][0];
    assert_eq!(first["lastMessage"]["content"], "hi");
    assert_eq!(first["lastMessageAt"], first["lastMessage"]["createdAt"]);
    assert_eq!(
        first["me"],
        json!({ "role": "MEMBER", "status": "ACTIVE", "unreadCount": 1, "readUpTo": 0 })
    );
    assert_eq!(first["memberCount"], 2);
    let one = bob.get(&format!("/v1/conversations/{b}")).await.ok();
    assert_eq!(one, *first, "the same alone and in the list");
    let last = &list(&bob, "").await["items"][2];
    assert_eq!(
        (&last["lastMessage"], &last["lastMessageAt"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(list(&app.person("mallory"), "").await["items"], json!([]));
}

#[tokio::test]
async fn filters_narrow_the_list_and_combine() {
    let app = App::start().await;
    let (alice, bob, made) = many(&app, 7).await;
    for (query, expected) in [
        ("?contextType=AD", vec![6, 4, 2, 0]),
        ("?contextType=AD&contextId=1", vec![2]),
        ("?contextId=1", vec![3, 2]),
        ("?organizationId=org-0", vec![6, 3, 0]),
        ("?organizationId=org-0&contextType=AD", vec![6, 0]),
        ("?contextType=ad", vec![]),
        ("?contextId=1%27%20or%20true--", vec![]),
        ("?status=ACTIVE&contextType=JOB", vec![5, 3, 1]),
        ("?contextType=AD&limit=2", vec![6, 4]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|i: usize| made[i].clone())
            .collect();
        assert_eq!(ids(&list(&bob, query).await), expected, "{query}");
    }
    alice.say(&made[1], "unread").await.ok();
    alice.say(&made[4], "unread").await.ok();
    alice.say(&made[5], "read").await.ok();
    bob.post(&format!("/v1/conversations/{}/read", made[5]), &json!({}))
        .await
        .ok();
    assert_eq!(
        ids(&list(&bob, "?unread=true").await),
        [made[4].clone(), made[1].clone()]
    );
    assert_eq!(
        ids(&list(&bob, "?unread=1&contextType=JOB").await),
        [made[1].clone()]
    );
    assert_eq!(ids(&list(&bob, "?unread=false").await).len(), 7);
    assert_eq!(ids(&list(&alice, "?unread=true").await).len(), 0);
}

#[tokio::test]
async fn page_tokens_lead_through_everything_without_loss_or_repeat() {
    let app = App::start().await;
    let (alice, bob, mut made) = many(&app, 23).await;
    made.reverse();
    for limit in [1, 5, 7, 22, 23, 100] {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let page = list(&bob, &format!("?limit={limit}{token}")).await;
            assert!(ids(&page).len() <= limit);
            seen.extend(ids(&page));
            assert_eq!(page["hasMore"] == true, page["nextPageToken"].is_string());
            let Some(next) = page["nextPageToken"].as_str() else {
                break;
            };
            token = format!("&pageToken={next}");
        }
        assert_eq!(seen, made, "{limit}");
    }
    // What moves to the top while one pages is not met twice, and nothing else is lost by it.
    let first = list(&bob, "?limit=10").await;
    alice.say(&made[3], "up").await.ok();
    let token = first["nextPageToken"].as_str().expect("more");
    let rest = list(&bob, &format!("?limit=100&pageToken={token}")).await;
    assert_eq!(ids(&rest), made[10..]);
    // A filter holds over its pages.
    let page = list(&bob, "?limit=5&contextType=AD").await;
    let token = page["nextPageToken"].as_str().expect("more");
    let rest = list(
        &bob,
        &format!("?limit=100&contextType=AD&pageToken={token}"),
    )
    .await;
    assert_eq!(ids(&page).len() + ids(&rest).len(), 12);
    assert!(ids(&rest).iter().all(|id| !ids(&page).contains(id)));
}

#[tokio::test]
async fn numbered_pages_say_how_many_there_are() {
    let app = App::start().await;
    let (_, bob, mut made) = many(&app, 7).await;
    made.reverse();
    let mut seen = Vec::new();
    for number in 1..=4 {
        let page = list(&bob, &format!("?page={number}&limit=3")).await;
        assert_eq!(
            (&page["page"], &page["limit"], &page["total"]),
            (&json!(number), &json!(3), &json!(7))
        );
        let mut names: Vec<_> = page.as_object().expect("a page").keys().cloned().collect();
        names.sort();
        assert_eq!(names, ["items", "limit", "page", "total"]);
        seen.extend(ids(&page));
    }
    assert_eq!(seen, made);
    let filtered = list(&bob, "?page=1&limit=3&contextType=JOB").await;
    assert_eq!((ids(&filtered).len(), &filtered["total"]), (3, &json!(3)));
    assert_eq!(list(&app.person("mallory"), "?page=1").await["total"], 0);
}

#[tokio::test]
async fn deleting_for_oneself_hides_until_the_next_message() {
    let app = App::with(2, "").await;
    let (alice, bob, conversation) = app.two_people_talking().await;
    let path = format!("/v1/conversations/{conversation}");
    alice.say(&conversation, "one").await.ok();
    let (of_alice, of_bob) = (alice.cursor().await, bob.cursor().await);
    let deleted = bob.delete(&path).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));

    // Gone for bob alone; his own devices are told, alice is not.
    assert_eq!(list(&bob, "").await["items"], json!([]));
    assert_eq!(list(&bob, "?page=1").await["total"], 0);
    assert_eq!(
        bob.get("/v1/sync").await.ok()["conversations"]["items"],
        json!([])
    );
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 0);
    assert_eq!(ids(&list(&alice, "").await), [conversation.as_str()]);
    let (events, after) = bob.all_events(&of_bob, 10).await;
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["type"], &events[0]["conversationId"]),
        (&json!("conversation.deleted"), &json!(conversation))
    );
    assert_eq!(alice.all_events(&of_alice, 10).await.0.len(), 0);
    // Asked for by name it is still the pair's conversation.
    assert_eq!(bob.converse_with("alice").await, conversation);

    // The next message, of either side, brings it back, with what is new unread.
    alice.say(&conversation, "two").await.ok();
    let back = list(&bob, "").await;
    assert_eq!(ids(&back), [conversation.as_str()]);
    assert_eq!(back["items"][0]["me"]["unreadCount"], 1);
    assert_eq!(bob.get("/v1/unread").await.ok()["total"], 1);
    let elsewhere = bob.at(&app.instances[1].url);
    caught_up(&elsewhere, &bob).await;
    let (events, _) = elsewhere.all_events(&after, 10).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["message"]["content"], "two");
    bob.delete(&path).await.ok();
    bob.say(&conversation, "three").await.ok();
    assert_eq!(ids(&list(&bob, "").await), [conversation.as_str()]);
    assert_eq!(
        bob.get("/v1/unread").await.ok()["total"],
        0,
        "one's own words are no news"
    );

    // Twice is no more than once, and an empty one can go too.
    assert_eq!(bob.delete(&path).await.status, 204);
    assert_eq!(bob.delete(&path).await.status, 204);
    let body =
        json!({ "type": "PRIVATE", "recipientId": "bob", "context": { "type": "AD", "id": "1" } });
    let empty = create(&alice, body).await;
    assert_eq!(
        bob.delete(&format!("/v1/conversations/{empty}"))
            .await
            .status,
        204
    );
    assert_eq!(list(&bob, "").await["items"], json!([]));
}
