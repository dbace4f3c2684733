//! A page that comes back with its ticket while its older stream is still there: it gets in, whatever is full, or leaves
//! the older one as it is.

use reqwest::{Client, RequestBuilder};
use serde_json::json;

use crate::listener::Listener;
use crate::support::{App, Person, eventually};

async fn buy(by: &Person) -> String {
    let bought = by.post("/v1/stream-tickets", &json!({})).await.ok();
    bought["ticket"].as_str().expect("a ticket").to_owned()
}

/// As an EventSource of another site: no header, no cookie.
fn stream(base: &str, ticket: &str) -> RequestBuilder {
    Client::new().get(format!("{base}/v1/events/stream?ticket={ticket}"))
}

async fn greeted(request: RequestBuilder) -> Listener {
    let mut listener = Listener::open(request).await;
    listener.until("hello").await;
    listener
}

/// Of the one ticket there is.
async fn whose(app: &App) -> String {
    let mut connection = app.database.connect().await;
    sqlx::query_scalar("select stream_id::text from stream_tickets")
        .fetch_one(&mut connection)
        .await
        .expect("a stream has it")
}

#[tokio::test]
async fn a_newer_stream_takes_the_place_of_the_older_where_there_is_no_other() {
    for full in ["streams_per_user=1", "limits={streams=1}"] {
        let app = App::with(1, full).await;
        let (alice, bob, conversation) = app.two_people_talking().await;
        let ticket = buy(&bob).await;
        let mut older = greeted(stream(&bob.base, &ticket)).await;
        for _ in 0..3 {
            let newer = greeted(stream(&bob.base, &ticket)).await;
            let goodbye = loop {
                let frame = older.next().await.expect("a last word");
                assert_ne!(frame.event, "heartbeat", "it is woken to be told");
                if frame.event == "goodbye" {
                    break frame;
                }
            };
            assert_eq!(goodbye.data["reason"], "replaced");
            assert!(older.next().await.is_none(), "it ends");
            older = newer;
        }
        // The newest goes on, in a place that counts once.
        alice.say(&conversation, "still there?").await.ok();
        older.until("message.created").await;
        eventually("one stream", async || {
            (app.instances[0].metric("causerie_streams_open").await == 1.0).then_some(())
        })
        .await;
        let refused = bob.get("/v1/events/stream").await;
        assert!([429, 503].contains(&refused.status), "{}", refused.text);
        drop(older);
        eventually("its place is given back", async || {
            alice.say(&conversation, "gone?").await.ok();
            (app.instances[0].metric("causerie_streams_open").await == 0.0).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_newer_stream_that_is_refused_leaves_the_older_alone() {
    let app = App::with(2, "streams_per_user=1").await;
    let bob = app.person("bob");
    let there = bob.at(&app.instances[1].url);
    let ticket = buy(&bob).await;
    let mut older = greeted(stream(&bob.base, &ticket)).await;
    let before = whose(&app).await;
    let _full = greeted(there.request(reqwest::Method::GET, "/v1/events/stream")).await;
    let refused = bob.send(stream(&there.base, &ticket)).await;
    assert_eq!((refused.status, refused.code()), (429, "too-many-streams"));
    assert_eq!(whose(&app).await, before, "the older one has its ticket");
    older.until("heartbeat").await;
}
