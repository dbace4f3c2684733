//! What is put for later, of every kind, and what became of it. Each has a label of its own, by which it is known again.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::smtp::Smtp;
use crate::stage::Stage;
use crate::support::Person;

/// Of which there may be one of each at a time.
const PEOPLE: usize = 20;

/// By its label, when it is due.
pub type Plan = BTreeMap<String, DateTime<Utc>>;

/// By its label, when it took effect, each time.
pub type Effects = BTreeMap<String, Vec<DateTime<Utc>>>;

/// What happened of each kind: to people in their feeds, and at the SMTP server.
pub struct Happened {
    pub messages: Effects,
    /// Of reminders, too: the label of each says to whom.
    pub notifications: Effects,
    pub emails: Effects,
}

fn name(n: usize) -> String {
    format!("u{}", n % PEOPLE)
}

/// Puts so many jobs, evenly due within `seconds` from `start` on: messages, notifications, reminders and e-mails in turn.
pub async fn put(stage: &Stage, count: usize, start: DateTime<Utc>, seconds: i64) -> Plan {
    let urls = stage.urls();
    let at = |n: usize| &*urls[n % urls.len()];
    let names: Vec<_> = (0..PEOPLE).map(name).collect();
    for name in &names {
        Person::new(at(0), name).get("/v1/me").await.ok();
    }
    let group = json!({ "type": "GROUP", "memberIds": names });
    let group = Person::new(at(0), &name(0))
        .post("/v1/conversations", &group)
        .await
        .ok();
    let group = group["id"].as_str().expect("an id").to_owned();
    let step = seconds * 1000 / count as i64;
    let one = async |n: usize| {
        let due = start + TimeDelta::milliseconds(step * n as i64);
        let labels = put_one(at(n), &group, n, due).await;
        labels.into_iter().map(move |label| (label, due))
    };
    let some = async |nth: usize| {
        let mut plan = Vec::new();
        for n in (nth..count).step_by(PEOPLE) {
            plan.extend(one(n).await);
        }
        plan
    };
    join_all((0..PEOPLE).map(some))
        .await
        .into_iter()
        .flatten()
        .collect()
}

/// Gives the labels of what it is to do.
async fn put_one(url: &str, group: &str, n: usize, due: DateTime<Utc>) -> Vec<String> {
    let time = due.to_rfc3339_opts(SecondsFormat::Millis, true);
    let (by, host) = (Person::new(url, &name(n)), Person::service(url));
    let (answer, labels) = match n % 4 {
        0 => {
            let said = format!("message {n}");
            let mut body = json!({ "content": said, "deliverAt": time });
            if n.is_multiple_of(8) {
                body["clientMessageId"] = json!(said);
            }
            let path = format!("/v1/conversations/{group}/messages");
            (by.post(&path, &body).await, vec![said])
        }
        1 => {
            let title = format!("notification {n}");
            let body = json!({ "userId": name(n), "type": "T", "title": title, "deliverAt": time });
            let label = format!("{} {title}", name(n));
            (host.post("/v1/notifications", &body).await, vec![label])
        }
        2 => {
            let title = format!("reminder {n}");
            let people = [name(n), name(n + 1)];
            let body = json!({ "userIds": people, "at": time, "notification": { "type": "T", "title": title } });
            let labels = people.map(|name| format!("{name} {title}")).to_vec();
            (host.post("/v1/reminders", &body).await, labels)
        }
        _ => {
            let subject = format!("email {n}");
            let body = json!({ "to": "alice@mail.example", "subject": subject, "text": "Bonjour", "deliverAt": time });
            (host.post("/v1/emails", &body).await, vec![subject])
        }
    };
    assert!((201..=202).contains(&answer.status), "{}", answer.text);
    labels
}

pub async fn happened(stage: &Stage, smtp: &Smtp) -> Happened {
    let url = &stage.urls()[0];
    let (mut messages, mut notifications) = (Effects::new(), Effects::new());
    for n in 0..PEOPLE {
        let (person, name) = (Person::new(url, &name(n)), name(n));
        for event in heard(&person).await {
            let data = &event["data"];
            let (message, notification) = (&data["message"], &data["notification"]);
            // Of messages all hear the same: one feed tells what there is.
            if event["type"] == "message.created" && n == 0 {
                note(&mut messages, &message["content"], "", message);
            }
            if event["type"] == "notification.created" {
                let title = &notification["title"];
                note(&mut notifications, title, &format!("{name} "), notification);
            }
        }
    }
    let mut emails = Effects::new();
    for one in smtp.accepted() {
        let subject = one["headers"]["subject"].as_str().expect("a subject");
        emails
            .entry(subject.to_owned())
            .or_default()
            .push(time(&one["at"]));
    }
    Happened {
        messages,
        notifications,
        emails,
    }
}

fn note(effects: &mut Effects, label: &Value, prefix: &str, shown: &Value) {
    let label = format!("{prefix}{}", label.as_str().unwrap_or_default());
    effects
        .entry(label)
        .or_default()
        .push(time(&shown["createdAt"]));
}

fn time(text: &Value) -> DateTime<Utc> {
    let time = DateTime::parse_from_rfc3339(text.as_str().expect("a text"));
    time.expect("a time").to_utc()
}

/// Every event that the person's feed ever had.
async fn heard(person: &Person) -> Vec<Value> {
    let (mut events, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let page = person
            .get(&format!("/v1/events?since={cursor}&limit=200"))
            .await
            .ok();
        cursor = page["cursor"].as_str().expect("a cursor").to_owned();
        events.extend(page["events"].as_array().expect("events").iter().cloned());
        if page["hasMore"] != true {
            return events;
        }
    }
}
