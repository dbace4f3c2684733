//! Several requests at once, and several instances that follow each other within about a second.

use std::sync::Arc;

use tokio::sync::Barrier;

use crate::support::{App, Person, eventually};

/// Runs `act(0)`, `act(1)` … so that none starts before all are ready.
pub async fn at_once<T, F>(count: usize, act: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(count));
    let start = |i| {
        let (barrier, act) = (barrier.clone(), act(i));
        tokio::spawn(async move {
            barrier.wait().await;
            act.await
        })
    };
    let tasks: Vec<_> = (0..count).map(start).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.expect("no panic"));
    }
    results
}

/// Waits until the instance of `reader` has come as far as the one of `writer`.
pub async fn caught_up(reader: &Person, writer: &Person) {
    let cursor = writer.cursor().await;
    eventually("the instance follows", async || {
        (reader.poll(&cursor, "").await.status == 200).then_some(())
    })
    .await;
}

/// Waits until every instance hears the others.
pub async fn hearing(app: &App) {
    for instance in &app.instances {
        eventually("an instance that hears", async || {
            let answer = reqwest::get(format!("{}/readyz", instance.url))
                .await
                .ok()?;
            let body: serde_json::Value = answer.json().await.ok()?;
            (body["status"] == "ok").then_some(())
        })
        .await;
    }
}
