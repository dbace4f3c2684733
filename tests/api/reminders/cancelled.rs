//! Those the host wants no more: none of them fires, whoever is faster, and the answer says who was.

use serde_json::json;

use super::{PAST, is, jobs, let_time_pass, people, remind, to, told, with};
use crate::jobs::hold_the_log;
use crate::scheduled::ahead;
use crate::support::{App, eventually};

#[tokio::test]
async fn what_is_cancelled_never_fires_and_what_is_over_cannot_be_cancelled() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let path = remind(&service, &to(&["alice"], &ahead(3600))).await;
    for _ in 0..2 {
        assert_eq!(service.delete(&path).await.status, 204);
    }
    let cancelled = service.get(&path).await.ok();
    assert_eq!(cancelled["state"], "CANCELLED");
    assert!(cancelled["finishedAt"].is_string());
    assert_eq!(
        jobs(&app, "state = 'CANCELLED' and payload = '{}'").await,
        1
    );
    let over = with(
        to(&["alice"], PAST),
        "expiresAt",
        json!("2020-01-02T00:00:00Z"),
    );
    for (body, state) in [(to(&["alice"], PAST), "FIRED"), (over, "EXPIRED")] {
        let path = remind(&service, &body).await;
        is(&service, &path, state).await;
        let answer = service.delete(&path).await;
        assert_eq!((answer.status, answer.code()), (409, "job-started"));
        is(&service, &path, state).await;
    }
    assert_eq!(told(&alice).await.len(), 1, "that which fired");
}

#[tokio::test]
async fn whoever_gives_up_its_job_cancels_it_for_good() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let path = remind(&service, &to(&["alice"], &ahead(3600))).await;
    let listed = service.get("/v1/admin/jobs?kind=REMINDER").await.ok();
    let job = listed["items"][0]["id"].as_str().expect("its job");
    let given_up = service
        .post(&format!("/v1/admin/jobs/{job}/cancel"), &json!({}))
        .await
        .ok();
    assert_eq!(given_up["state"], "CANCELLED");
    assert_eq!(service.get(&path).await.ok()["state"], "CANCELLED");
    let answer = service
        .post(&format!("/v1/admin/jobs/{job}/retry"), &json!({}))
        .await;
    assert_eq!((answer.status, answer.code()), (409, "job-not-ended"));
    assert_eq!(service.delete(&path).await.status, 204);
    assert!(told(&alice).await.is_empty());
}

#[tokio::test]
async fn one_that_is_about_to_fire_can_be_cancelled_until_it_does() {
    let app = App::start().await;
    let (service, alice, _) = people(&app).await;
    let path = remind(&service, &to(&["alice"], &ahead(3600))).await;
    let held = hold_the_log(&app).await;
    let_time_pass(&app).await;
    eventually("its job to be begun", async || {
        (jobs(&app, "state = 'RUNNING'").await == 1).then_some(())
    })
    .await;
    assert_eq!(service.delete(&path).await.status, 204);
    drop(held);
    eventually("its job to find it cancelled", async || {
        let found = "state = 'CANCELLED' and error = 'it was cancelled'";
        (jobs(&app, found).await == 1).then_some(())
    })
    .await;
    assert_eq!(service.get(&path).await.ok()["state"], "CANCELLED");
    assert!(told(&alice).await.is_empty());
}

#[tokio::test]
async fn of_firing_and_cancelling_at_one_moment_one_wins_and_the_answer_is_true() {
    let app = App::with(2, "").await;
    let (service, alice, _) = people(&app).await;
    let far = service.at(&app.instances[1].url);
    let (mut fired, mut cancelled) = (0, 0);
    for n in 0..40 {
        let path = remind(&service, &to(&["alice"], PAST)).await;
        // Now at once, now a little later: the moment is met from both sides.
        tokio::time::sleep(std::time::Duration::from_millis(n % 20)).await;
        let answer = far.delete(&path).await;
        let state = match answer.status {
            204 => "CANCELLED",
            409 => "FIRED",
            other => panic!("{other}: {}", answer.text),
        };
        fired += usize::from(state == "FIRED");
        cancelled += usize::from(state == "CANCELLED");
        assert_eq!(service.get(&path).await.ok()["state"], state);
    }
    eventually("all jobs to end", async || {
        (jobs(&app, "state in ('WAITING', 'RUNNING')").await == 0).then_some(())
    })
    .await;
    println!("{fired} fired, {cancelled} cancelled");
    assert_eq!(told(&alice).await.len(), fired);
}
