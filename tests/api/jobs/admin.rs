//! `/v1/admin/jobs`: what the host sees of the queue of its tenant, and what it may do there.

use serde_json::{Value, json};

use crate::scheduled::{are, let_time_pass, path_of, schedule};
use crate::support::{App, Person, eventually};

/// Of a tenant, of a state: as many as there are in `states`.
async fn put(app: &App, tenant: &str, states: &[(&str, u32)]) {
    for (state, count) in states {
        let sql = format!(
            "insert into jobs (tenant_id, id, kind, user_id, payload, state, run_at, max_attempts, finished_at, error)
             select '{tenant}', gen_random_uuid(), 'EMAIL', 'u', '{{\"secret\":1}}', '{state}', now() + interval '1 day', 3,
                    case when '{state}' <> 'WAITING' then now() end, case when '{state}' = 'DEAD' then 'no such host' end
               from generate_series(1, {count})"
        );
        app.database.execute(&sql).await;
    }
}

fn counts(page: &Value) -> Vec<(String, i64)> {
    let text = |value: &Value| value.as_str().expect("a name").to_owned();
    let counts = page["counts"].as_array().expect("counts").iter();
    let one = |count: &Value| {
        (
            text(&count["state"]),
            count["count"].as_i64().expect("a number"),
        )
    };
    counts.map(one).collect()
}

#[tokio::test]
async fn the_host_sees_its_own_tenants_queue_page_by_page_without_what_it_is_about() {
    let app = App::with(1, "jobs={at_once=0}").await;
    let host = Person::service(&app.instances[0].url);
    put(
        &app,
        "default",
        &[("CANCELLED", 2), ("DEAD", 3), ("DONE", 250), ("WAITING", 4)],
    )
    .await;
    put(&app, "other", &[("DEAD", 30), ("WAITING", 1)]).await;
    let page = host.get("/v1/admin/jobs?limit=100").await.ok();
    let expected = [("CANCELLED", 2), ("DEAD", 3), ("DONE", 250), ("WAITING", 4)];
    let expected = expected.map(|(state, count)| (state.to_owned(), count));
    assert_eq!(counts(&page), expected);
    assert_eq!(page["oldestDueSeconds"], Value::Null, "none is due");
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let page = host
            .get(&format!("/v1/admin/jobs?limit=100{token}"))
            .await
            .ok();
        let items = page["items"].as_array().expect("items").iter();
        ids.extend(items.map(|job| job["id"].as_str().expect("an id").to_owned()));
        match page["nextPageToken"].as_str() {
            Some(next) => token = format!("&pageToken={next}"),
            None => break,
        }
    }
    assert_eq!(ids.len(), 259);
    assert!(
        ids.is_sorted_by(|one, next| one > next),
        "the newest first, each once"
    );

    let dead = host.get("/v1/admin/jobs?state=DEAD&kind=EMAIL").await;
    assert!(!dead.text.contains("secret"), "{}", dead.text);
    let dead = dead.ok();
    assert_eq!(dead["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(dead["items"][0]["error"], "no such host");
    assert_eq!(dead["items"][0]["userId"], "u");
    assert_eq!(
        host.get("/v1/admin/jobs?kind=MESSAGE").await.ok()["items"],
        json!([])
    );
    app.database
        .execute("update jobs set run_at = now() - interval '90 s' where tenant_id = 'default' and state = 'WAITING'")
        .await;
    let late = host.get("/v1/admin/jobs").await.ok();
    let late = late["oldestDueSeconds"].as_f64().expect("a number");
    assert!((90.0..900.0).contains(&late), "{late}");
    for wrong in ["state=x", "kind=email", "limit=0", "pageToken=x"] {
        let refused = host.get(&format!("/v1/admin/jobs?{wrong}")).await;
        assert_eq!(
            (refused.status, refused.code()),
            (400, "invalid-parameter"),
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn what_waits_is_cancelled_and_what_ended_is_tried_again_in_ones_own_tenant_alone() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    let host = Person::service(&alice.base);
    let other = Person::with(&alice.base, "backend", |claims| {
        claims.role = Some("service".to_owned());
        claims.tenant = Some("other".to_owned());
    });
    let id = schedule(&alice, &conversation, "in the end").await;
    let act = async |by: &Person, what: &str| {
        let path = format!("/v1/admin/jobs/{id}/{what}");
        let answer = by.post(&path, &json!({})).await;
        (
            answer.status,
            answer.code().to_owned(),
            answer.body["state"].clone(),
        )
    };
    let refused = |status: u16, code: &str| (status, code.to_owned(), Value::Null);
    for what in ["cancel", "retry"] {
        assert_eq!(act(&other, what).await, refused(404, "not-found"), "{what}");
        assert_eq!(
            act(&alice, what).await,
            refused(403, "service-only"),
            "{what}"
        );
    }
    assert_eq!(act(&host, "retry").await, refused(409, "job-not-ended"));
    assert_eq!(
        act(&host, "cancel").await,
        (200, String::new(), json!("CANCELLED"))
    );
    assert_eq!(act(&host, "cancel").await, refused(409, "job-started"));
    assert_eq!(
        alice.get("/v1/scheduled-messages").await.ok()["items"],
        json!([])
    );
    // Dead is tried again as well, with all its attempts.
    app.database
        .execute("update jobs set state = 'DEAD', attempts = 20")
        .await;
    assert_eq!(act(&other, "retry").await, refused(404, "not-found"));
    assert_eq!(
        act(&host, "retry").await,
        (200, String::new(), json!("WAITING"))
    );
    are(&app, "DONE", 1).await;
    assert_eq!(act(&host, "retry").await, refused(409, "job-not-ended"));
    let page = alice.get(&path_of(&conversation)).await.ok();
    assert_eq!(page["items"][0]["content"], "in the end");
    let tried = "select count(*) from jobs where attempts = 1";
    assert_eq!(app.database.number(tried).await, 1);
}

#[tokio::test]
async fn metrics_say_how_many_wait_how_late_they_are_and_how_they_ended() {
    let app = App::start().await;
    let (alice, _, conversation) = app.two_people_talking().await;
    schedule(&alice, &conversation, "one").await;
    let_time_pass(&app).await;
    are(&app, "DONE", 1).await;
    put(&app, "default", &[("DEAD", 2)]).await;
    app.database
        .execute("insert into jobs (tenant_id, id, kind, payload, state, run_at, max_attempts, lease, leased_until)
                  values ('default', gen_random_uuid(), 'EMAIL', '{}', 'RUNNING', now(), 3, gen_random_uuid(), now() + interval '1 hour')")
        .await;
    schedule(&alice, &conversation, "two").await;
    let instance = &app.instances[0];
    for (series, value) in [
        ("causerie_jobs{state=\"WAITING\"}", 1.0),
        ("causerie_jobs{state=\"RUNNING\"}", 1.0),
        ("causerie_jobs{state=\"DEAD\"}", 2.0),
        ("causerie_jobs_oldest_due_seconds", 0.0),
        (
            "causerie_jobs_done_total{kind=\"MESSAGE\",outcome=\"done\"}",
            1.0,
        ),
        ("causerie_job_seconds_count{kind=\"MESSAGE\"}", 1.0),
    ] {
        eventually(series, async || {
            (instance.metric(series).await == value).then_some(())
        })
        .await;
    }
}
