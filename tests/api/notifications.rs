//! What the host tells people outside of conversations: live on every way, counted once, read and deleted.

#[path = "notifications/meanwhile.rs"]
mod meanwhile;
#[path = "notifications/steps.rs"]
mod steps;

use reqwest::Method;
use serde_json::{Value, json};

use crate::instances::caught_up;
use crate::sse::Sse;
use crate::support::{App, Person, eventually};

fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items");
    let id = |item: &Value| item["id"].as_str().expect("an id").to_owned();
    items.iter().map(id).collect()
}

fn to(users: &[&str], title: &str) -> Value {
    json!({ "userIds": users, "type": "APPOINTMENT_MOVED", "title": title, "message": "At ten", "link": "/appointments/12" })
}

async fn notify(service: &Person, body: &Value) -> Vec<String> {
    ids(&service.post("/v1/notifications", body).await.ok())
}

/// How many are unread, wherever it is told; and which are listed as such, newest first.
async fn unread(person: &Person) -> Vec<String> {
    let list = person
        .get("/v1/notifications?unread=true&limit=100")
        .await
        .ok();
    let count = &list["unreadCount"];
    let all = person.get("/v1/notifications?limit=1").await.ok();
    assert_eq!(all["unreadCount"], *count);
    for (path, pointer) in [
        ("/v1/unread", "/notifications"),
        ("/v1/sync", "/unread/notifications"),
        ("/v1/events", "/unread/notifications"),
    ] {
        let answer = person.get(path).await.ok();
        assert_eq!(answer.pointer(pointer), Some(count), "{path} {answer}");
    }
    let unread = ids(&list);
    assert_eq!(json!(unread.len()), *count);
    unread
}

async fn people(app: &App) -> (Person, Person, Person) {
    let service = Person::service(&app.instances[0].url);
    let [alice, bob] = ["alice", "bob"].map(|id| app.person(id));
    for person in [&alice, &bob] {
        person.get("/v1/me").await.ok();
    }
    (service, alice, bob)
}

#[tokio::test]
async fn one_is_told_live_on_every_way_to_its_person_alone() {
    let app = App::with(2, "").await;
    let (service, alice, bob) = people(&app).await;
    let since = alice.cursor().await;
    let since_of_bob = bob.cursor().await;
    let far = alice.at(&app.instances[1].url);
    let mut stream = Sse::open(&far, &format!("?since={since}")).await;
    stream.until("unread").await;
    let waiting = far.poll(&since, "&wait=50");
    let made = async {
        let answer = service
            .post("/v1/notifications", &to(&["alice"], "Déplacé"))
            .await;
        assert_eq!(answer.status, 201);
        answer.body["items"][0].clone()
    };
    let (waited, made) = tokio::join!(waiting, made);
    assert_eq!(
        (
            &made["userId"],
            &made["title"],
            &made["link"],
            &made["readAt"],
            &made["isDeleted"]
        ),
        (
            &json!("alice"),
            &json!("Déplacé"),
            &json!("/appointments/12"),
            &Value::Null,
            &json!(false)
        )
    );
    let framed = stream.until("notification.created").await;
    assert_eq!(framed.data["data"]["notification"], made);
    assert_eq!(stream.until("unread").await.data["notifications"], 1);
    let polled = alice.all_events(&since, 200).await.0;
    assert_eq!(polled.len(), 1);
    assert_eq!(polled[0], framed.data);
    assert_eq!(waited.ok()["events"], json!(polled));
    // An instance that starts now has it from Postgres, the same.
    let mut app = app;
    let fresh = app.add("ring={events=1,bytes=1}", &[]).await.url.clone();
    assert_eq!(alice.at(&fresh).all_events(&since, 200).await.0, polled);
    assert!(bob.all_events(&since_of_bob, 200).await.0.is_empty());
    assert!(unread(&bob).await.is_empty());
    assert_eq!(unread(&alice).await, [made["id"].as_str().expect("an id")]);
}

/// Of an event of a notification: its type, the title, whether it is read, and whether those before it are.
fn said(event: &Value) -> (&str, Option<&str>, bool, Option<bool>) {
    let of = &event["data"]["notification"];
    (
        event["type"].as_str().expect("a type"),
        of["title"].as_str(),
        of["readAt"].is_string(),
        event["data"]["andOlder"].as_bool(),
    )
}

#[tokio::test]
async fn what_is_read_and_deleted_is_so_on_every_device_and_in_what_was_told_before() {
    let app = App::start().await;
    let (service, alice, bob) = people(&app).await;
    let since = alice.cursor().await;
    let mut made = Vec::new();
    for title in ["one", "two", "three", "four"] {
        made.extend(notify(&service, &to(&["alice"], title)).await);
    }
    let read = |id: &str| format!("/v1/notifications/{id}/read");
    let nothing = json!({});
    assert_eq!(alice.post(&read(&made[1]), &nothing).await.status, 204);
    assert_eq!(alice.post(&read(&made[1]), &nothing).await.status, 204);
    assert_eq!(
        unread(&alice).await,
        [&*made[3], &made[2], &made[0]].map(str::to_owned)
    );
    let gone = format!("/v1/notifications/{}", made[2]);
    assert_eq!(alice.delete(&gone).await.status, 204);
    assert_eq!(alice.delete(&gone).await.status, 204, "said again");
    assert_eq!(bob.delete(&gone).await.status, 404);
    assert_eq!(alice.post(&read(&made[2]), &nothing).await.status, 404);
    let all = "/v1/notifications/read-all";
    assert_eq!(alice.post(all, &nothing).await.status, 204);
    assert_eq!(alice.post(all, &nothing).await.status, 204);
    assert!(unread(&alice).await.is_empty());
    let events = alice.all_events(&since, 2).await.0;
    let told: Vec<_> = events.iter().map(said).collect();
    assert_eq!(
        told,
        [
            ("notification.created", Some("one"), true, None),
            ("notification.created", Some("two"), true, None),
            ("notification.created", None, false, None),
            ("notification.created", Some("four"), true, None),
            ("notification.read", Some("two"), true, Some(false)),
            ("notification.deleted", None, false, None),
            ("notification.read", Some("four"), true, Some(true)),
        ]
    );
    // Nobody else's, and the host reads nothing for anybody.
    for other in [&bob, &service] {
        assert_eq!(other.post(&read(&made[0]), &nothing).await.status, 404);
    }
    assert_eq!(
        bob.delete(&format!("/v1/notifications/{}", made[0]))
            .await
            .status,
        404
    );
    let list = alice.get("/v1/notifications").await.ok();
    assert_eq!(
        ids(&list),
        [&*made[3], &made[1], &made[0]].map(str::to_owned)
    );
    let by_host = format!("/v1/notifications/{}", made[3]);
    assert_eq!(service.delete(&by_host).await.status, 204);
    let list = alice.get("/v1/notifications").await.ok();
    assert_eq!(ids(&list), [&*made[1], &made[0]].map(str::to_owned));
}

#[tokio::test]
async fn repeated_with_its_key_a_request_makes_the_same_ones() {
    let app = App::with(2, "tenant={receipts=false}").await;
    let (service, alice, bob) = people(&app).await;
    let keyed = |instance: usize, key: &str, body: &Value| {
        let service = service.at(&app.instances[instance].url);
        let request = service.request(Method::POST, "/v1/notifications");
        let request = request.header("Idempotency-Key", key).json(body);
        async move { service.send(request).await }
    };
    let body = to(&["alice", "bob", "alice"], "once");
    let tries = (0..12).map(|n| keyed(n % 2, "k", &body));
    let answers = futures::future::join_all(tries).await;
    let first = ids(&answers[0].body);
    assert_eq!(first.len(), 2);
    for answer in &answers {
        assert_eq!((answer.status, ids(&answer.body)), (201, first.clone()));
    }
    let replayed =
        |answer: &&crate::support::Answer| answer.header("Idempotency-Replayed") == Some("true");
    assert_eq!(answers.iter().filter(replayed).count(), 11);
    let other = keyed(0, "k", &to(&["alice"], "twice")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency-mismatch"));
    assert_eq!(unread(&alice).await, first[..1]);
    assert_eq!(unread(&bob).await, first[1..]);
    // Without a key each is a new one.
    notify(&service, &body).await;
    notify(&service, &body).await;
    assert_eq!(unread(&alice).await.len(), 3);
}

/// What a request says otherwise than a good one, the field that is refused, and why.
const REFUSED: &[(&str, &str, &str)] = &[
    (r#"{"userId":null}"#, "/userId", "required"),
    (r#"{"userIds":["bob"]}"#, "/userIds", "invalid-value"),
    (r#"{"userId":null,"userIds":[]}"#, "/userIds", "too-few"),
    (
        r#"{"userId":null,"userIds":["alice","nobody"]}"#,
        "/userIds/1",
        "user-unknown",
    ),
    (
        r#"{"deliverAt":"-5000-01-01T00:00:00Z"}"#,
        "/deliverAt",
        "wrong-type",
    ),
    (r#"{"title":" "}"#, "/title", "blank"),
    (r#"{"title":"a\nb"}"#, "/title", "line-break"),
    (r#"{"title":"\u202egpj.exe"}"#, "/title", "bidi-control"),
    (r#"{"title":"LONG"}"#, "/title", "too-long"),
    (r#"{"message":"LONG"}"#, "/message", "too-long"),
    (r#"{"message":"\u0000"}"#, "/message", "nul-character"),
    (r#"{"link":"javascript:alert(1)"}"#, "/link", "invalid-url"),
    (r#"{"link":"//evil.example/"}"#, "/link", "invalid-url"),
    (r#"{"link":"/\\evil.example/"}"#, "/link", "invalid-url"),
    (
        r#"{"link":"https://127.0.0.1/"}"#,
        "/link",
        "host-not-allowed",
    ),
    (r#"{"deliverAt":"tomorrow"}"#, "/deliverAt", "wrong-type"),
    (
        r#"{"deliverAt":"2200-01-01T00:00:00Z"}"#,
        "/deliverAt",
        "out-of-range",
    ),
    (r#"{"channels":["sms"]}"#, "/channels/0", "invalid-value"),
    (r#"{"type":""}"#, "/type", "blank"),
    (r#"{"colour":1}"#, "/colour", "unknown-field"),
];

#[tokio::test]
async fn what_is_not_acceptable_is_named_and_tells_nobody() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    for (change, pointer, code) in REFUSED {
        let mut body = json!({ "userId": "alice", "type": "T", "title": "t" });
        let change = change.replace("LONG", &"x".repeat(2001));
        let change: Value = serde_json::from_str(&change).expect("JSON");
        let fields = change.as_object().expect("fields");
        body.as_object_mut()
            .expect("fields")
            .extend(fields.clone().into_iter());
        let answer = service.post("/v1/notifications", &body).await;
        let error = &answer.body["errors"][0];
        assert_eq!(
            (
                answer.status,
                error["pointer"].as_str(),
                error["code"].as_str()
            ),
            (422, Some(*pointer), Some(*code)),
            "{change:.80} {}",
            answer.text
        );
    }
    let by_a_person = alice.post("/v1/notifications", &to(&["alice"], "me")).await;
    assert_eq!(
        (by_a_person.status, by_a_person.code()),
        (403, "service-only")
    );
    assert!(unread(&alice).await.is_empty());
}

#[tokio::test]
async fn one_for_later_is_shown_at_its_time_once_and_not_before() {
    let app = App::with(2, "").await;
    let (service, alice, _) = people(&app).await;
    let since = alice.cursor().await;
    let at = |seconds: i64| chrono::Utc::now() + chrono::Duration::seconds(seconds);
    let later = |seconds: i64, title: &str| {
        let mut body = to(&["alice"], title);
        body["deliverAt"] = json!(at(seconds).to_rfc3339());
        body
    };
    let far = notify(&service, &later(3_600, "in an hour")).await;
    let deleted = notify(&service, &later(2, "never")).await;
    let soon = notify(&service, &later(2, "soon")).await;
    let past = notify(&service, &later(-60, "at once")).await;
    let gone = service
        .delete(&format!("/v1/notifications/{}", deleted[0]))
        .await;
    assert_eq!(gone.status, 204);
    let read = format!("/v1/notifications/{}/read", far[0]);
    assert_eq!(alice.post(&read, &json!({})).await.status, 404);
    assert_eq!(unread(&alice).await, past);
    eventually("the notification is shown", async || {
        let list = alice.get("/v1/notifications").await.ok();
        (ids(&list).len() > 1).then_some(())
    })
    .await;
    let far_instance = alice.at(&app.instances[1].url);
    caught_up(&far_instance, &alice).await;
    let shown = [soon, past].concat();
    for person in [&alice, &far_instance] {
        assert_eq!(unread(person).await, shown);
        let events = person.all_events(&since, 200).await.0;
        assert_eq!(events.len(), 2, "{events:?}");
        let shown_at = &events[1]["data"]["notification"]["createdAt"];
        assert_eq!(*shown_at, events[1]["occurredAt"]);
    }
}

#[tokio::test]
async fn more_than_are_read_at_a_time_are_all_read() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let since = alice.cursor().await;
    for _ in 0..2 {
        let many: Vec<String> = (0..600).map(|n| format!("person-{n}")).collect();
        let profiles: Vec<Value> = many.iter().map(|id| json!({ "id": id })).collect();
        service.put("/v1/users", &json!(profiles)).await.ok();
        let users: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(notify(&service, &to(&users, "all")).await.len(), 600);
    }
    let text = "insert into notifications (tenant_id, id, user_id, type, title, position, created_at)
                select 'default', gen_random_uuid(), 'alice', 'T', 't', n, now() from generate_series(1, 1200) n";
    app.database.execute(text).await;
    let list = alice.get("/v1/notifications?limit=1").await.ok();
    assert_eq!(list["unreadCount"], 1200);
    alice
        .post("/v1/notifications/read-all", &json!({}))
        .await
        .ok();
    let list = alice.get("/v1/notifications?limit=1").await.ok();
    assert_eq!(list["unreadCount"], 0);
    let events = alice.all_events(&since, 200).await.0;
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event["data"]["andOlder"] == true));
}

#[tokio::test]
async fn what_is_old_counts_as_read_on_every_device_and_is_forgotten() {
    let mut app = App::start().await;
    let (service, alice, bob) = people(&app).await;
    let mut made = Vec::new();
    for title in ["read long ago", "never read", "new"] {
        made.extend(notify(&service, &to(&["alice"], title)).await);
    }
    notify(&service, &to(&["bob"], "new")).await;
    let read = format!("/v1/notifications/{}/read", made[0]);
    alice.post(&read, &json!({})).await.ok();
    let since = alice.cursor().await;
    let old = "update notifications set created_at = created_at - '181 days'::interval where title <> 'new'";
    app.database.execute(old).await;
    app.add("", &[]).await;
    eventually("nobody reads it any more", async || {
        let unread = "select count(*) from notifications where read_at is null";
        (app.database.number(unread).await == 2).then_some(())
    })
    .await;
    assert_eq!(unread(&alice).await, made[2..]);
    assert_eq!(unread(&bob).await.len(), 1);
    let events = alice.all_events(&since, 200).await.0;
    let told: Vec<_> = events.iter().map(|event| &event["type"]).collect();
    assert_eq!(told, ["notification.read"]);
    assert_eq!(events[0]["data"]["andOlder"], true);
    // For as long as an event of theirs is kept, they are.
    let kept = "select count(*) from notifications";
    assert_eq!(app.database.number(kept).await, 4);
    let long_read = "update notifications set read_at = read_at - '31 days'::interval";
    app.database.execute(long_read).await;
    app.add("", &[]).await;
    eventually("the old ones are forgotten", async || {
        (app.database.number(kept).await == 2).then_some(())
    })
    .await;
    assert_eq!(unread(&alice).await, made[2..]);
}

#[tokio::test]
async fn of_somebody_who_was_erased_nothing_is_left_to_who_comes_back() {
    let app = App::with(2, "").await;
    let (service, alice, _) = people(&app).await;
    let later = chrono::Utc::now() + chrono::Duration::seconds(5);
    let mut for_later = to(&["alice"], "for later");
    for_later["deliverAt"] = json!(later.to_rfc3339());
    notify(&service, &to(&["alice"], "secret")).await;
    notify(&service, &for_later).await;
    assert_eq!(unread(&alice).await.len(), 1);
    assert_eq!(service.delete("/v1/users/alice").await.status, 204);
    let refused = service
        .post("/v1/notifications", &to(&["alice"], "x"))
        .await;
    assert_eq!((refused.status, refused.code()), (422, "user-unknown"));
    eventually("the erasure is over", async || {
        let left = "select count(*) from notifications";
        let open = "select count(*) from erasures where finished_at is null";
        let (left, open) = (
            app.database.number(left).await,
            app.database.number(open).await,
        );
        (left == 0 && open == 0).then_some(())
    })
    .await;
    service
        .put("/v1/users/alice", &json!({ "name": "Somebody else" }))
        .await
        .ok();
    let anew = eventually("a new token to be let in", async || {
        let anew = Person::new(&alice.base, "alice");
        (anew.get("/v1/me").await.status == 200).then_some(anew)
    })
    .await;
    for base in app.instances.iter().map(|instance| &instance.url) {
        let anew = anew.at(base);
        assert!(unread(&anew).await.is_empty());
        let events = anew.all_events("0", 200).await.0;
        let told = serde_json::to_string(&events).expect("JSON");
        assert!(!told.contains("secret"), "{told}");
    }
    let new = notify(&service, &to(&["alice"], "welcome")).await;
    assert_eq!(unread(&anew).await, new);
}
