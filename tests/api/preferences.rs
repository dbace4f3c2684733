//! What people want to be told, how and when: kept, checked, and kept to.

use serde_json::{Value, json};

use crate::support::{App, Person};

const PATH: &str = "/v1/me/preferences";

/// What is asked for, which field it changes, and to what.
const CHANGES: &[(&str, &str, &str)] = &[
    (
        r#"{"timeZone":"America/Montreal"}"#,
        "timeZone",
        r#""America/Montreal""#,
    ),
    ("{}", "timeZone", r#""America/Montreal""#),
    (
        r#"{"quietHours":{"from":"22:30","to":"07:05"}}"#,
        "quietHours",
        r#"{"from":"22:30","to":"07:05"}"#,
    ),
    (r#"{"language":"fr"}"#, "language", r#""fr""#),
    (
        r#"{"channels":{"email":false}}"#,
        "channels",
        r#"{"inApp":true,"email":false}"#,
    ),
    (
        r#"{"channels":{"inApp":false}}"#,
        "channels",
        r#"{"inApp":false,"email":false}"#,
    ),
    (
        r#"{"types":[{"type":"T","email":false}]}"#,
        "types",
        r#"[{"type":"T","inApp":true,"email":false}]"#,
    ),
    (
        r#"{"channels":{"inApp":true,"email":true}}"#,
        "channels",
        r#"{"inApp":true,"email":true}"#,
    ),
    (
        r#"{"timeZone":null,"language":null}"#,
        "timeZone",
        r#""Europe/Brussels""#,
    ),
    (r#"{"quietHours":null}"#, "quietHours", "null"),
    (r#"{"types":[]}"#, "types", "[]"),
];

#[tokio::test]
async fn what_is_left_out_stays_and_null_is_the_sites_own_word_again() {
    let app = App::with(2, "tenant={time_zone=\"Europe/Brussels\",language=\"en\"}").await;
    let (alice, bob) = (app.person("alice"), app.person("bob"));
    let at_first = json!({
        "timeZone": "Europe/Brussels", "language": "en", "quietHours": null,
        "channels": { "inApp": true, "email": true }, "types": [],
    });
    for person in [&alice, &bob] {
        assert_eq!(person.get(PATH).await.ok(), at_first);
    }
    let far = alice.at(&app.instances[1].url);
    let mut expected = at_first.clone();
    for (change, field, value) in CHANGES {
        let change: Value = serde_json::from_str(change).expect("JSON");
        let value: Value = serde_json::from_str(value).expect("JSON");
        expected[*field] = value;
        if change.get("language") == Some(&Value::Null) {
            expected["language"] = json!("en");
        }
        let answer = alice.patch(PATH, &change).await.ok();
        assert_eq!(answer, expected, "{change}");
        assert_eq!(far.get(PATH).await.ok(), expected, "{change}");
    }
    assert_eq!(bob.get(PATH).await.ok(), at_first);
}

#[tokio::test]
async fn what_is_not_acceptable_is_named_and_changes_nothing() {
    let app = App::start().await;
    let alice = app.person("alice");
    let before = alice.get(PATH).await.ok();
    let many: Vec<_> = (0..101).map(|n| json!({ "type": n.to_string() })).collect();
    for (change, pointer, code) in [
        (json!({ "timeZone": "Paris" }), "/timeZone", "wrong-type"),
        (json!({ "timeZone": 1 }), "/timeZone", "wrong-type"),
        (json!({ "language": "de" }), "/language", "invalid-value"),
        (
            json!({ "quietHours": { "from": "22:00" } }),
            "/quietHours/to",
            "required",
        ),
        (
            json!({ "quietHours": { "from": "24:00", "to": "07:00" } }),
            "/quietHours/from",
            "wrong-type",
        ),
        (
            json!({ "quietHours": { "from": "07:00", "to": "07:00" } }),
            "/quietHours/to",
            "invalid-value",
        ),
        (
            json!({ "quietHours": ["22:00", "07:00"] }),
            "/quietHours",
            "wrong-type",
        ),
        (
            json!({ "channels": { "sms": true } }),
            "/channels/sms",
            "unknown-field",
        ),
        (
            json!({ "types": [{ "type": "T" }, { "type": "T" }] }),
            "/types/1",
            "invalid-value",
        ),
        (
            json!({ "types": [{ "type": "" }] }),
            "/types/0/type",
            "blank",
        ),
        (json!({ "types": many }), "/types", "too-many"),
        (json!({ "colour": "blue" }), "/colour", "unknown-field"),
    ] {
        let answer = alice.patch(PATH, &change).await;
        let error = &answer.body["errors"][0];
        assert_eq!(
            (
                answer.status,
                error["pointer"].as_str(),
                error["code"].as_str()
            ),
            (422, Some(pointer), Some(code)),
            "{change} {}",
            answer.text
        );
    }
    assert_eq!(alice.get(PATH).await.ok(), before);
}

#[tokio::test]
async fn a_type_that_is_not_wanted_on_the_pages_is_not_shown_there() {
    let app = App::start().await;
    let service = Person::service(&app.instances[0].url);
    let [alice, bob] = ["alice", "bob"].map(|id| app.person(id));
    for person in [&alice, &bob] {
        person.get("/v1/me").await.ok();
    }
    let since = alice.cursor().await;
    let told = async |of: &str| {
        let body = json!({ "userIds": ["alice", "bob"], "type": of, "title": of });
        let answer = service.post("/v1/notifications", &body).await.ok();
        let items = answer["items"].as_array().expect("items").clone();
        let to = items
            .iter()
            .map(|item| item["userId"].as_str().expect("an id").to_owned());
        to.collect::<Vec<_>>()
    };
    assert_eq!(told("NEWS").await, ["alice", "bob"]);
    let no_news = json!({ "types": [{ "type": "NEWS", "inApp": false }, { "type": "OTHER", "inApp": true }] });
    alice.patch(PATH, &no_news).await.ok();
    assert_eq!(told("NEWS").await, ["bob"]);
    assert_eq!(told("OTHER").await, ["alice", "bob"]);
    let nothing = json!({ "channels": { "inApp": false } });
    alice.patch(PATH, &nothing).await.ok();
    assert_eq!(told("OTHER").await, ["bob"]);
    let events = alice.all_events(&since, 200).await.0;
    assert_eq!(events.len(), 2);
    // Asked for again by its key, it is made for those who wanted it then.
    let keyed = async || {
        let body = json!({ "userIds": ["alice"], "type": "NEWS", "title": "none" });
        let request = service.request(reqwest::Method::POST, "/v1/notifications");
        let answer = service
            .send(request.header("Idempotency-Key", "k").json(&body))
            .await;
        assert_eq!((answer.status, &answer.body["items"]), (201, &json!([])));
        answer.header("Idempotency-Replayed").is_some()
    };
    assert!(!keyed().await);
    alice
        .patch(PATH, &json!({ "channels": { "inApp": true }, "types": [] }))
        .await
        .ok();
    assert!(keyed().await);
}
