//! Three people and a group, in which one of them comes and goes while the others write; followed by all transports.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use super::follower::{Follower, Told, Transport};
use crate::strangers::bare;
use crate::support::{Answer, PATIENCE, Person};

/// How many milliseconds later than the leaving the talker's message starts, and the mover's own: known to all lanes.
pub type Leads = Arc<Mutex<[f64; 2]>>;

pub struct Lane {
    pub rng: StdRng,
    pub urls: Vec<String>,
    pub client: Client,
    /// Makes the groups, adds and removes.
    pub admin: Person,
    /// Stays, and says something in each round.
    pub talker: Person,
    /// Comes and goes.
    pub mover: Person,
    /// The talker's: whoever stays is told everything.
    pub control: Follower,
    /// The mover's, one by each transport.
    pub followers: Vec<Follower>,
    pub group: String,
    leads: Leads,
    /// What somebody is answered who asks for what is not there.
    nothing: String,
}

/// Something said at the same time as somebody leaves.
pub struct Said {
    pub key: String,
    pub answer: Answer,
}

impl Lane {
    /// With a group of its own in which all three are.
    pub async fn start(seed: u64, n: usize, urls: &[String], leads: Leads) -> Self {
        let person = |who: &str| Person::new(&urls[0], &format!("{who}{n}"));
        let (admin, talker, mover) = (person("admin"), person("talker"), person("mover"));
        for person in [&admin, &talker, &mover] {
            person.get("/v1/me").await.ok();
        }
        let cursor = admin.cursor().await;
        let client = Client::new();
        let mut urls = urls.to_vec();
        // Streams at either instance.
        urls.rotate_left(n % 2);
        let follow = |person: &Person, by| Follower::start(&client, &urls, person, by, &cursor);
        let control = follow(&talker, Transport::Stream);
        let all = [Transport::Poll, Transport::LongPoll, Transport::Stream];
        let followers = all.map(|by| follow(&mover, by)).into();
        let mut lane = Self {
            rng: StdRng::seed_from_u64(seed + n as u64),
            client,
            urls,
            admin,
            talker,
            mover,
            control,
            followers,
            group: String::new(),
            leads,
            nothing: String::new(),
        };
        let path = format!("/v1/conversations/{}/messages", uuid::Uuid::now_v7());
        lane.nothing = bare(&lane.mover.get(&path).await);
        lane.make_group().await;
        lane
    }

    /// Another group of all three. Gives where it begins.
    pub async fn make_group(&mut self) -> i64 {
        let body = json!({ "type": "GROUP", "memberIds": [self.talker.id, self.mover.id] });
        let made = self
            .ask(&self.admin.clone(), Method::POST, "", Some(&body))
            .await;
        self.group = made.ok()["id"].as_str().expect("an id").to_owned();
        let began = self
            .control
            .wait("the group", 0, |told| told.conversation == self.group)
            .await;
        for follower in &self.followers {
            follower
                .wait("the group", 0, |told| told.position == began)
                .await;
        }
        began
    }

    /// At any instance. `path` is below the group's, or nothing for all conversations.
    pub async fn ask(
        &mut self,
        by: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let group = format!("/v1/conversations/{}{path}", self.group);
        let path = if path.is_empty() {
            "/v1/conversations"
        } else {
            &group
        };
        self.ask_of(by, method, path, body).await
    }

    async fn ask_of(
        &mut self,
        by: &Person,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Answer {
        let request = self.request(by, method, path);
        by.send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
    }

    fn request(&mut self, by: &Person, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = &self.urls[self.rng.random_range(0..self.urls.len())];
        self.client
            .request(method, format!("{url}{path}"))
            .bearer_auth(&by.token)
    }

    pub async fn say(&mut self, by: &Person, key: &str) -> Answer {
        let body = json!({ "content": key, "clientMessageId": key });
        self.ask(by, Method::POST, "/messages", Some(&body)).await
    }

    /// Both say something while `leaving` is asked for by somebody: all start together, but for a few milliseconds at
    /// random around the point at which either order is as likely.
    pub async fn race(&mut self, by: &Person, leaving: &str, name: &str) -> (Answer, [Said; 2]) {
        let path = format!("/v1/conversations/{}{leaving}", self.group);
        let leave = self.request(by, Method::DELETE, &path);
        let path = format!("/v1/conversations/{}/messages", self.group);
        let leads = *self.leads.lock().expect("nobody panics with it");
        // The longer it takes, the less is it to be foreseen.
        let starts = leads.map(|lead| {
            let spread = 1.5 + lead.abs() / 3.0;
            lead + self.rng.random_range(-spread..spread)
        });
        let first = starts[0].min(starts[1]).min(0.0);
        let after = |start: f64| tokio::time::sleep(Duration::from_secs_f64((start - first) / 1e3));
        let (talker, mover) = (self.talker.clone(), self.mover.clone());
        let mut say = |by: &Person, start: f64| {
            let key = format!("{}-{name}", by.id);
            let body = json!({ "content": key, "clientMessageId": key });
            let (request, by) = (
                self.request(by, Method::POST, &path).json(&body),
                by.clone(),
            );
            async move {
                after(start).await;
                let answer = by.send(request).await;
                Said { key, answer }
            }
        };
        let (one, other) = (say(&talker, starts[0]), say(&mover, starts[1]));
        let left = async {
            after(0.0).await;
            by.send(leave).await
        };
        let (left, one, other) = tokio::join!(left, one, other);
        (left, [one, other])
    }

    /// What came first this time comes later the next time.
    pub fn learn(&self, was_before: [bool; 2]) {
        let mut leads = self.leads.lock().expect("nobody panics with it");
        for (lead, was_before) in leads.iter_mut().zip(was_before) {
            let step = 0.5 + lead.abs() / 10.0;
            *lead += if was_before { step } else { -step };
        }
    }

    /// Whoever is out of it is answered what a random id is answered, byte for byte.
    pub async fn is_nowhere(&mut self, person: &Person) {
        let answer = self.ask(person, Method::GET, "/messages", None).await;
        assert_eq!(answer.status, 404, "{}: {}", person.id, answer.text);
        assert_eq!(bare(&answer), self.nothing);
    }

    /// A cursor from before gives the same, from memory or from Postgres, as it happens.
    pub async fn tells_again(&mut self, since: &str, expected: &[Told]) {
        let last = expected.last().expect("an event").position;
        let limit = [3, 200][self.rng.random_range(0..2)];
        let url = &self.urls[self.rng.random_range(0..self.urls.len())];
        let mover = self.mover.at(url);
        let (mut told, mut cursor) = (Vec::new(), since.to_owned());
        let began = Instant::now();
        loop {
            let path = format!("{url}/v1/events?since={cursor}&limit={limit}");
            let get = self.client.get(path).bearer_auth(&mover.token);
            let page = mover.send(get).await.ok();
            let events = page["events"].as_array().expect("events");
            told.extend(events.iter().map(Told::of));
            cursor = page["cursor"].as_str().expect("a cursor").to_owned();
            let is_there = told.last().is_some_and(|told: &Told| told.position >= last);
            if is_there && page["hasMore"] == false {
                break;
            }
            assert!(
                began.elapsed() < PATIENCE,
                "{} at {url}: {told:?}",
                mover.id
            );
        }
        assert_eq!(told, expected, "{} from {since} at {url}", mover.id);
    }
}
