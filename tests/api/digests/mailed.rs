//! The whole way, from a message to the SMTP server, with a period of a second.

use chrono::Utc;
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::emails::server::{Smtp, free_port};
use crate::support::{App, Person, eventually};

const TALK: &str = "jobs={at_once=0},presence_secs=3";

fn mailing(url: &str) -> String {
    format!(
        "presence_secs=3,jobs={{lease_secs=5}},mail={{smtp_url=\"{url}\",from=\"chat@example.org\",public_url=\"https://chat.example\",\
         site_url=\"https://www.example\",timeout_secs=2,digest_after_secs=1}}"
    )
}

/// People talk at an instance that tells nobody of anything; one that does is added by the test, when all is said.
async fn quiet_site() -> (App, Person) {
    let app = App::with(1, TALK).await;
    let mut connection = app.database.connect().await;
    causerie::store::digest_sweep::begin(&mut connection, Utc::now())
        .await
        .expect("the log is gone through from here");
    let host = Person::service(&app.instances[0].url);
    (app, host)
}

/// Somebody who was never on the site.
async fn known(host: &Person, id: &str) {
    let profile = json!({ "name": id, "email": format!("{id}@mail.example") });
    host.put(&format!("/v1/users/{id}"), &profile).await.ok();
}

fn to<'a>(sent: &'a [Value], id: &str) -> Vec<&'a Value> {
    let address = json!([format!("{id}@mail.example")]);
    sent.iter().filter(|one| one["to"] == address).collect()
}

/// Waits until this person's job has ended so.
async fn is(app: &App, kind: &str, id: &str, state: &str) {
    let text = format!(
        "select count(*) from jobs where kind = '{kind}' and user_id = '{id}' and state = '{state}'"
    );
    eventually(&format!("{id}'s {kind} to be {state}"), async || {
        (app.database.number(&text).await > 0).then_some(())
    })
    .await;
}

/// The log is gone through to its end.
async fn is_swept(app: &App) {
    let behind =
        "select max(e.position) - s.position from events e, unread_sweep s group by s.position";
    eventually("the log is gone through", async || {
        (app.database.number(behind).await == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn unread_messages_are_told_once_in_the_readers_language() {
    let smtp = Smtp::start().await;
    let (mut app, host) = quiet_site().await;
    let alice = app.person("alice");
    let carol = app.person("carol");
    for person in [&alice, &carol] {
        person.get("/v1/me").await.ok();
    }
    for id in ["bob", "eve", "dave"] {
        known(&host, id).await;
    }
    let eve = app.person("eve");
    let english = json!({ "language": "en", "timeZone": "Etc/UTC" });
    eve.patch("/v1/me/preferences", &english).await.ok();
    let dave = app.person("dave");
    let unwanted = json!({ "types": [{ "type": "UNREAD_DIGEST", "email": false }] });
    dave.patch("/v1/me/preferences", &unwanted).await.ok();
    let began = Utc::now();
    for reader in ["bob", "eve", "dave"] {
        let one = alice.converse_with(reader).await;
        let other = carol.converse_with(reader).await;
        alice.say(&one, "hello").await.ok();
        alice.say(&one, "are you there?").await.ok();
        carol.say(&other, "hello").await.ok();
    }
    app.add(&mailing(&smtp.url()), &[]).await;
    let sent = smtp.has(2).await;
    let (bobs, eves) = (to(&sent, "bob"), to(&sent, "eve"));
    assert_eq!((bobs.len(), eves.len()), (1, 1), "{sent:#?}");
    let clock = |zone: chrono_tz::Tz, time: chrono::DateTime<Utc>| {
        time.with_timezone(&zone).format("%H:%M").to_string()
    };
    let said = |mail: &Value, words: &str, zone: chrono_tz::Tz| {
        // A minute may have begun meanwhile.
        let times = [began, Utc::now()].map(|time| format!("{words} {}", clock(zone, time)));
        let subject = mail["headers"]["subject"]
            .as_str()
            .expect("a subject")
            .to_owned();
        let text = mail["parts"]["text/plain"].as_str().expect("a text");
        assert!(times.contains(&subject), "{subject}, not {times:?}");
        assert!(text.starts_with(&subject), "{text}");
        assert!(text.contains("https://www.example/"), "{text}");
        assert!(mail["headers"]["list-unsubscribe"].is_string());
    };
    let french = "3 messages non lus dans 2 conversations depuis";
    said(bobs[0], french, chrono_tz::Tz::Europe__Paris);
    let english = "3 unread messages in 2 conversations since";
    said(eves[0], english, chrono_tz::Tz::UTC);
    is(&app, "DIGEST", "dave", "CANCELLED").await;
    is(&app, "DIGEST", "bob", "DONE").await;
    // Once more through all that there is: nothing is told twice.
    app.database
        .execute("update unread_sweep set position = 0")
        .await;
    is(&app, "DIGEST", "bob", "WAITING").await;
    // For an hour: he was told in vain.
    app.database
        .execute("update jobs set run_at = now() where kind = 'DIGEST' and state = 'WAITING'")
        .await;
    is(&app, "DIGEST", "bob", "CANCELLED").await;
    assert_eq!(smtp.accepted().len(), 2);
}

#[tokio::test]
async fn whoever_reads_in_time_or_wants_no_emails_is_sent_none() {
    let smtp = Smtp::start().await;
    let (mut app, host) = quiet_site().await;
    let alice = app.person("alice");
    alice.get("/v1/me").await.ok();
    for id in ["bob", "dave", "eve"] {
        known(&host, id).await;
        let conversation = alice.converse_with(id).await;
        alice.say(&conversation, "hello").await.ok();
        if id == "bob" {
            let read = format!("/v1/conversations/{conversation}/read");
            app.person("bob").post(&read, &json!({})).await.ok();
        }
    }
    let off = json!({ "emailOff": true });
    app.person("dave").patch("/v1/me", &off).await.ok();
    app.add(&mailing(&smtp.url()), &[]).await;
    let sent = smtp.has(1).await;
    assert_eq!(to(&sent, "eve").len(), 1, "{sent:#?}");
    is_swept(&app).await;
    let waiting = "select count(*) from jobs where kind = 'DIGEST' and state in ('WAITING', 'RUNNING') and user_id <> 'eve'";
    assert_eq!(app.database.number(waiting).await, 0);
    assert_eq!(smtp.accepted().len(), 1);
}

#[tokio::test]
async fn whoever_is_online_is_told_when_they_have_left() {
    let smtp = Smtp::start().await;
    let (mut app, host) = quiet_site().await;
    let alice = app.person("alice");
    alice.get("/v1/me").await.ok();
    known(&host, "bob").await;
    let bob = app.person("bob");
    let conversation = alice.converse_with("bob").await;
    let online = "select count(*) from presence where user_id = 'bob' and online_until > now()";
    eventually("bob is there", async || {
        bob.get("/v1/events").await.ok();
        (app.database.number(online).await == 1).then_some(())
    })
    .await;
    alice.say(&conversation, "hello").await.ok();
    app.add(&mailing(&smtp.url()), &[]).await;
    let put_off = "select count(*) from jobs where kind = 'DIGEST' and state = 'WAITING' and attempts = 0 and run_at > now() + interval '1 s'";
    eventually("it is put off", async || {
        bob.get("/v1/events").await.ok();
        (app.database.number(put_off).await == 1).then_some(())
    })
    .await;
    assert_eq!(smtp.accepted().len(), 0, "bob is there");
    let sent = smtp.has(1).await;
    assert_eq!(app.database.number(online).await, 0);
    assert_eq!(to(&sent, "bob").len(), 1);
}

#[tokio::test]
async fn what_is_read_while_the_smtp_server_is_down_is_not_sent_when_it_is_up() {
    let port = free_port();
    let (mut app, host) = quiet_site().await;
    let alice = app.person("alice");
    alice.get("/v1/me").await.ok();
    let mut conversations = Vec::new();
    for id in ["bob", "eve"] {
        known(&host, id).await;
        let conversation = alice.converse_with(id).await;
        alice.say(&conversation, "hello").await.ok();
        conversations.push(conversation);
    }
    app.add(&mailing(&format!("smtp://127.0.0.1:{port}")), &[])
        .await;
    let tried = "select count(*) from jobs where kind = 'EMAIL' and error is not null";
    eventually("both to be tried in vain", async || {
        (app.database.number(tried).await == 2).then_some(())
    })
    .await;
    let read = format!("/v1/conversations/{}/read", conversations[0]);
    app.person("bob").post(&read, &json!({})).await.ok();
    let smtp = Smtp::with(json!({ "port": port })).await;
    is(&app, "EMAIL", "bob", "CANCELLED").await;
    is(&app, "EMAIL", "eve", "DONE").await;
    let sent = smtp.has(1).await;
    assert_eq!(to(&sent, "eve").len(), 1, "{sent:#?}");
}

#[tokio::test]
async fn of_two_instances_one_goes_through_the_log_and_the_other_when_it_is_gone() {
    let smtp = Smtp::start().await;
    let mut app = App::with(0, "").await;
    for _ in 0..2 {
        app.add(&mailing(&smtp.url()), &[]).await;
    }
    let host = Person::service(&app.instances[1].url);
    let alice = Person::new(&app.instances[1].url, "alice");
    alice.get("/v1/me").await.ok();
    for id in ["bob", "eve"] {
        known(&host, id).await;
    }
    let with_bob = alice.converse_with("bob").await;
    alice.say(&with_bob, "hello").await.ok();
    smtp.has(1).await;
    app.instances[0].signal(Signal::SIGKILL);
    app.instances[0].exit_code().await;
    let with_eve = alice.converse_with("eve").await;
    alice.say(&with_eve, "hello").await.ok();
    let sent = smtp.has(2).await;
    assert_eq!((to(&sent, "bob").len(), to(&sent, "eve").len()), (1, 1));
    let sweeps = "select count(*) from jobs where kind = 'UNREAD_SWEEP'";
    assert_eq!(app.database.number(sweeps).await, 1);
    let page = host.get("/v1/admin/jobs").await;
    assert!(!page.text.contains("UNREAD_SWEEP"), "{}", page.text);
    let counted = "causerie_jobs{state=\"WAITING\"}";
    eventually("what always waits is not counted", async || {
        (app.instances[1].metric(counted).await == 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_group_of_five_hundred_costs_a_statement_to_look_at_and_one_to_put() {
    let smtp = Smtp::start().await;
    let (mut app, _) = quiet_site().await;
    let alice = app.person("alice");
    alice.get("/v1/me").await.ok();
    let group = json!({ "type": "GROUP", "memberIds": [], "subject": "Many" });
    let group = alice.post("/v1/conversations", &group).await.ok();
    let group = group["id"].as_str().expect("an id").to_owned();
    app.database
        .execute("insert into users (tenant_id, id, email) select 'default', 'u' || n, 'u' || n || '@mail.example' from generate_series(1, 500) n")
        .await;
    app.database
        .execute(&format!(
            "insert into members (tenant_id, conversation_id, user_id, joined_position, joined_at)
             select 'default', '{group}', 'u' || n, 1, now() from generate_series(1, 500) n"
        ))
        .await;
    alice.say(&group, "hello, all").await.ok();
    app.add(&mailing(&smtp.url()), &[]).await;
    let jobs = "select count(*) from jobs where kind = 'DIGEST'";
    eventually("a job each", async || {
        (app.database.number(jobs).await == 500).then_some(())
    })
    .await;
    for kind in ["digest_sweep.put", "digest_sweep.people"] {
        let series = format!("causerie_sql_statements_total{{kind=\"{kind}\"}}");
        let sent = app.instances[1].metric(&series).await;
        assert!((1.0..=2.0).contains(&sent), "{kind}: {sent}");
    }
}
