//! Whatever was shown, read and deleted, in whatever order and on whichever instance: every place tells the same.

use std::collections::BTreeMap;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;

use super::{ids, notify, people, to, unread};
use crate::instances::caught_up;
use crate::support::{App, Person};

/// What one person should see: by id, newest last, and whether it is read.
#[derive(Default)]
struct Model(Vec<(String, bool)>);

impl Model {
    fn unread(&self) -> Vec<String> {
        let unread = self.0.iter().rev().filter(|(_, is_read)| !is_read);
        unread.map(|(id, _)| id.clone()).collect()
    }

    fn all(&self) -> Vec<String> {
        self.0.iter().rev().map(|(id, _)| id.clone()).collect()
    }
}

/// One step of one person, or of the host to one person.
async fn step(random: &mut StdRng, model: &mut Model, person: &Person, service: &Person) {
    let pick = random.random_range(0..model.0.len().max(1));
    let of = |(id, _): &(String, bool)| format!("/v1/notifications/{id}");
    let path = model.0.get(pick).map(of);
    match (random.random_range(0..10), path) {
        (0..5, _) | (_, None) => {
            let made = notify(service, &to(&[&person.id], "t")).await;
            model.0.extend(made.into_iter().map(|id| (id, false)));
        }
        (5..7, Some(path)) => {
            let answer = person.post(&format!("{path}/read"), &json!({})).await;
            assert_eq!(answer.status, 204);
            model.0[pick].1 = true;
        }
        (7..9, Some(path)) => {
            let by = if random.random_bool(0.5) {
                person
            } else {
                service
            };
            assert_eq!(by.delete(&path).await.status, 204);
            model.0.remove(pick);
        }
        (_, Some(_)) => {
            let answer = person.post("/v1/notifications/read-all", &json!({})).await;
            assert_eq!(answer.status, 204);
            model.0.iter_mut().for_each(|(_, is_read)| *is_read = true);
        }
    }
}

#[tokio::test]
async fn list_poll_unread_and_sync_say_the_same_whatever_was_read_and_deleted() {
    let app = App::with(2, "ring={events=40,bytes=1000000}").await;
    let (service, alice, bob) = people(&app).await;
    let mut random = StdRng::seed_from_u64(7);
    let mut models = BTreeMap::from([("alice", Model::default()), ("bob", Model::default())]);
    for n in 0..150 {
        let person = if random.random_bool(0.7) {
            &alice
        } else {
            &bob
        };
        let near = random.random_range(0..2);
        let (one, other) = (&app.instances[near].url, &app.instances[1 - near].url);
        let model = models.get_mut(&*person.id).expect("a model");
        step(&mut random, model, &person.at(one), &service.at(one)).await;
        if n % 10 == 9 {
            caught_up(&person.at(other), &person.at(one)).await;
            for base in [one, other] {
                assert_eq!(unread(&person.at(base)).await, model.unread(), "step {n}");
            }
        }
    }
    let mut app = app;
    let fresh = app.add("", &[]).await.url.clone();
    for person in [&alice, &bob] {
        let model = &models[&*person.id];
        assert_eq!(unread(&person.at(&fresh)).await, model.unread());
        let (mut listed, mut query) = (Vec::new(), String::new());
        loop {
            let page = person
                .get(&format!("/v1/notifications?limit=7{query}"))
                .await
                .ok();
            listed.extend(ids(&page));
            match page["nextPageToken"].as_str() {
                Some(token) => query = format!("&pageToken={token}"),
                None => break,
            }
        }
        assert_eq!(listed, model.all());
    }
}
