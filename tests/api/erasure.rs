//! The host erases a person: nothing of what they wrote is shown or stored from then on, anywhere, and everybody is told.

mod anew;
mod canaries;
mod flight;
mod site;

use nix::sys::signal::Signal;
use serde_json::json;
use sqlx::{Connection, PgConnection};

use crate::sse::Sse;
use crate::support::{App, Person, eventually};
pub use canaries::tables_with;
use canaries::{CANARY, assert_free, finished, hold, release};
use site::Site;

#[tokio::test]
async fn at_once_no_route_of_any_instance_shows_anything_of_an_erased_person() {
    let app = App::with(2, "").await;
    let site = Site::build(&app).await;
    let before = site.everything(&site.bob).await;
    assert!(before.contains(CANARY), "there was something to erase");
    assert!(!tables_with(&app, CANARY).await.is_empty());
    let here = site.bob.cursor().await;
    let mut stream = Sse::open(&site.bob, &format!("?since={here}")).await;
    stream.until("hello").await;
    let typing = format!("/v1/conversations/{}/typing", site.pair);
    let is_typing = json!({ "isTyping": true });
    let typed = site.alice.put(&typing, &is_typing).await;
    assert_eq!(typed.status, 204, "{}", typed.text);

    hold(&app).await;
    site.erase().await;
    for person in [&site.bob, &site.carol] {
        assert_free(&site.everything(person).await, "where it was said");
        let there = person.at(&app.instances[1].url);
        eventually("the other instance to hear of it", async || {
            told(&there.poll(&here, "").await.text).then_some(())
        })
        .await;
        assert_free(&site.everything(&there).await, "on the other instance");
    }
    let frame = stream.until("user.updated").await;
    let user = &frame.data["data"]["user"];
    let gone =
        json!({ "id": "alice", "name": null, "imageUrl": null, "role": null, "isDeleted": true });
    assert_eq!(*user, gone);
    let still = tables_with(&app, CANARY).await;
    assert_eq!(still, ["messages", "revisions"], "nothing was blanked yet");

    release(&app).await;
    finished(&app).await;
    let left = tables_with(&app, CANARY).await;
    assert!(left.is_empty(), "{left:?}");
    for person in [&site.bob, &site.carol] {
        assert_free(&site.everything(person).await, "after the chunks");
    }
    let text = site.everything(&site.bob).await;
    let notice = "Compte supprimé a ajouté carol.";
    assert!(text.contains(notice), "{text}");
}

fn told(events: &str) -> bool {
    events.contains("user.updated") && events.contains(r#""isDeleted":true"#)
}

#[tokio::test]
async fn memory_and_postgres_show_the_same_tombstones_and_count_the_same_as_unread() {
    let mut app = App::with(1, "").await;
    let site = Site::build(&app).await;
    let counted = |text: &serde_json::Value| text["total"].as_i64().expect("a total");
    let before = counted(&site.bob.get("/v1/unread").await.ok());
    let of_carol = counted(&site.carol.get("/v1/unread").await.ok());
    assert!(before > 0 && of_carol > 0);
    hold(&app).await;
    site.erase().await;
    for stage in ["hidden", "blanked"] {
        if stage == "blanked" {
            release(&app).await;
            finished(&app).await;
        }
        for person in [&site.bob, &site.carol] {
            let memory = person.get("/v1/unread").await.ok();
            let inbox = person.get("/v1/conversations").await.ok();
            let inbox = inbox["items"].as_array().expect("items");
            let of_sql = inbox.iter().map(|one| one["me"]["unreadCount"].as_i64());
            let of_sql: i64 = of_sql.map(|count| count.expect("a count")).sum();
            assert_eq!(counted(&memory), of_sql, "{stage}, {}", person.id);
        }
    }
    assert_eq!(counted(&site.bob.get("/v1/unread").await.ok()), 0);
    let bobs = counted(&site.carol.get("/v1/unread").await.ok());
    assert_eq!(bobs, 2, "what bob has said stays");
    // One that has next to nothing in memory.
    app.add("ring={events=4}", &[]).await;
    for person in [&site.bob, &site.carol] {
        let (here, cursor) = person.all_events("0", 50).await;
        let (there, end) = person.at(&app.instances[1].url).all_events("0", 50).await;
        assert_eq!((here, cursor), (there, end), "{}", person.id);
    }
}

#[tokio::test]
async fn tokens_issued_before_are_refused_and_a_newer_one_makes_a_blank_person() {
    let app = App::with(2, "").await;
    let site = Site::build(&app).await;
    let there = site.alice.at(&app.instances[1].url);
    let mut stream = Sse::open(&there, "").await;
    stream.until("hello").await;
    assert_eq!(
        site.bob.delete("/v1/users/alice").await.code(),
        "service-only"
    );
    assert_eq!(
        site.alice.delete("/v1/users/alice").await.code(),
        "service-only"
    );
    assert_eq!(
        site.service.delete("/v1/users/nobody").await.code(),
        "not-found"
    );
    site.erase().await;
    assert_eq!(site.alice.get("/v1/me").await.code(), "token-invalid");
    assert_eq!(
        stream.until("goodbye").await.data["reason"],
        "token-revoked"
    );
    assert_eq!(there.get("/v1/me").await.code(), "token-invalid");
    site.erase().await;
    finished(&app).await;

    let pair = json!({ "type": "PRIVATE", "recipientId": "alice" });
    let refused = site.bob.post("/v1/conversations", &pair).await;
    assert_eq!(refused.code(), "user-unknown", "{}", refused.text);
    let anew = eventually("a new token to be let in", async || {
        let anew = Person::new(&app.instances[0].url, "alice");
        let me = anew.get("/v1/me").await;
        assert!([200, 401, 503].contains(&me.status), "{}", me.text);
        (me.status == 200).then_some(anew)
    })
    .await;
    let me = anew.get("/v1/me").await.ok();
    assert_eq!((&me["name"], me.get("isDeleted")), (&json!("alice"), None));
    assert_eq!(anew.get("/v1/conversations").await.ok()["items"], json!([]));
    let again = anew.converse_with("bob").await;
    assert_ne!(again, site.pair, "another one: the old one is not theirs");
    anew.say(&again, "I am new here").await.ok();
    let inbox = site.bob.get("/v1/conversations").await;
    assert_free(&inbox.text, "what was erased stays erased");
    assert!(inbox.text.contains("I am new here"));
    site.erase().await;
    let inbox = site.bob.get("/v1/conversations").await;
    assert!(!inbox.text.contains("I am new here"), "erased once more");
}

#[tokio::test]
async fn the_other_of_a_pair_keeps_the_conversation_with_a_deleted_account() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    let mine = site.bob.say(&site.pair, "my own words").await.ok();
    site.erase().await;
    finished(&app).await;
    let pair = format!("/v1/conversations/{}", site.pair);
    let read = site.bob.get(&pair).await.ok();
    let members = read["members"].as_array().expect("members");
    let of = |id: &str| members.iter().find(|one| one["user"]["id"] == id);
    assert_eq!(of("alice").expect("she stays")["user"]["isDeleted"], true);
    assert_eq!(
        (of("bob").is_some(), &read["memberCount"]),
        (true, &json!(2))
    );
    let messages = site.bob.get(&format!("{pair}/messages")).await.ok();
    let kept = messages["items"].as_array().expect("items").last().cloned();
    assert_eq!(kept.expect("his own")["content"], mine["content"]);
    site.bob.say(&site.pair, "is anybody there?").await.ok();

    let group = format!("/v1/conversations/{}", site.group);
    let read = site.bob.get(&group).await.ok();
    assert_eq!(read["memberCount"], 2, "she has left the group");
    let events = site.bob.all_events("0", 100).await.0;
    let left = events.iter().filter(|event| event["type"] == "member.left");
    assert_eq!(left.count(), 2, "both were told");
}

#[tokio::test]
async fn a_page_that_follows_one_conversation_hears_of_every_tombstone_whatever_its_limit() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    site.flood(&app, &site.pair, 130).await;
    let path = format!("/v1/conversations/{}/messages", site.pair);
    let start = site.bob.cursor().await;
    site.erase().await;
    finished(&app).await;
    let (mut since, mut seqs) = (start, Vec::new());
    loop {
        let page = site
            .bob
            .get(&format!("{path}?since={since}&limit=20"))
            .await;
        since = page.cursor();
        let page = page.ok();
        for message in page["items"].as_array().expect("items") {
            assert!(message["isDeleted"] == true, "{message}");
            seqs.push(message["seq"].as_i64().expect("a number"));
        }
        if page["hasMore"] == false {
            break;
        }
    }
    let told = seqs.len();
    seqs.sort_unstable();
    seqs.dedup();
    assert_eq!((told, seqs.len()), (site.of_alice + 130, told), "each once");
}

#[tokio::test]
async fn an_instance_that_is_killed_in_the_middle_leaves_an_erasure_that_another_one_ends() {
    let mut app = App::start().await;
    let site = Site::build(&app).await;
    site.flood(&app, &site.group, 30_000).await;
    site.erase().await;
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
    eventually("some of it blanked", async || {
        let text = "select blanked > 0 from erasures";
        let some: bool = sqlx::query_scalar(text)
            .fetch_one(&mut connection)
            .await
            .expect("a row");
        some.then_some(())
    })
    .await;
    app.instances[0].signal(Signal::SIGKILL);
    assert_eq!(app.instances[0].exit_code().await, None);
    let left = tables_with(&app, CANARY).await;
    assert!(!left.is_empty(), "it was in the middle");
    app.add("", &[]).await;
    finished(&app).await;
    let left = tables_with(&app, CANARY).await;
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_deleted_message_leaves_no_text_in_any_table() {
    let app = App::start().await;
    let site = Site::build(&app).await;
    let message = json!({ "content": "first ephemera", "metadata": { "k": "ephemera" } });
    let path = format!("/v1/conversations/{}/messages", site.pair);
    let said = site.bob.post(&path, &message).await.ok();
    let one = format!("/v1/messages/{}", said["id"].as_str().expect("an id"));
    let edit = json!({ "content": "then ephemera" });
    site.bob.patch(&one, &edit).await.ok();
    assert_eq!(
        tables_with(&app, "ephemera").await,
        ["messages", "revisions"]
    );
    assert_eq!(site.bob.delete(&one).await.status, 204);
    assert!(tables_with(&app, "ephemera").await.is_empty());
}
