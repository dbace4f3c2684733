//! A small site whose people have talked with somebody who is to be erased.

use serde_json::json;
use sqlx::{Connection, PgConnection};

use super::canaries::CANARY;
use crate::sse::Sse;
use crate::support::{App, Person};

pub struct Site {
    pub alice: Person,
    pub bob: Person,
    pub carol: Person,
    pub service: Person,
    pub pair: String,
    pub group: String,
    /// That she has added carol to the group.
    pub notice: String,
    /// Messages in both.
    pub messages: Vec<String>,
    /// How many of the pair's are hers.
    pub of_alice: usize,
}

impl Site {
    pub async fn build(app: &App) -> Self {
        let base = &app.instances[0].url;
        let alice = Person::with(base, "alice", |claims| {
            claims.name = Some(format!("Alice {CANARY}"));
            let picture = json!(format!("https://example.com/{CANARY}.jpg"));
            claims.more.insert("picture".to_owned(), picture);
        });
        let [bob, carol] = ["bob", "carol"].map(|id| app.person(id));
        let service = Person::service(base);
        for person in [&alice, &bob, &carol, &service] {
            person.get("/v1/me").await.ok();
        }
        let pair = alice.converse_with("bob").await;
        let group = json!({ "type": "GROUP", "subject": "Choir", "memberIds": ["bob"] });
        let group = alice.post("/v1/conversations", &group).await.ok();
        let group = group["id"].as_str().expect("an id").to_owned();
        let members = format!("/v1/conversations/{group}/members");
        let carols = json!({ "memberIds": ["carol"] });
        alice.post(&members, &carols).await.ok();
        let admin = json!({ "role": "ADMIN" });
        alice.patch(&format!("{members}/bob"), &admin).await.ok();
        let mut site = Self {
            alice,
            bob,
            carol,
            service,
            pair,
            group,
            notice: String::new(),
            messages: Vec::new(),
            of_alice: 0,
        };
        site.answer_the_notice().await;
        site.of_alice = site.talk(&site.pair.clone()).await;
        site.talk(&site.group.clone()).await;
        site
    }

    /// The notice that names her is quoted.
    async fn answer_the_notice(&mut self) {
        let path = format!("/v1/conversations/{}/messages", self.group);
        let said = self.bob.get(&path).await.ok();
        let all = said["items"].as_array().expect("items");
        let notice = all.iter().find(|one| one["notice"]["type"] == "JOINED");
        let notice = notice.expect("carol was added")["id"].clone();
        let answer = json!({ "content": "Welcome", "replyToId": notice });
        let answer = self.bob.post(&path, &answer).await.ok();
        let quoted = answer["replyTo"]["excerpt"].as_str().expect("a quotation");
        assert!(quoted.contains(CANARY), "{quoted}");
        self.notice = notice.as_str().expect("an id").to_owned();
        self.messages.push(self.notice.clone());
    }

    /// She says all that can be said, and is answered. Gives how many messages are hers.
    async fn talk(&mut self, conversation: &str) -> usize {
        let path = format!("/v1/conversations/{conversation}/messages");
        let file = json!({ "url": format!("https://example.com/{CANARY}.pdf"), "type": "application/pdf", "fileName": format!("{CANARY}.pdf") });
        let hers = [
            json!({ "content": format!("first {CANARY}"), "clientMessageId": format!("{CANARY}-{conversation}") }),
            json!({ "content": format!("with a file {CANARY}"), "attachments": [file] }),
            json!({ "content": format!("described {CANARY}"), "metadata": { CANARY: CANARY } }),
        ];
        let mut ids = Vec::new();
        for message in &hers {
            let said = self.alice.post(&path, message).await.ok();
            ids.push(said["id"].as_str().expect("an id").to_owned());
        }
        let edit = json!({ "content": format!("second {CANARY}"), "metadata": { "x": CANARY } });
        let first = format!("/v1/messages/{}", ids[0]);
        self.alice.patch(&first, &edit).await.ok();
        let answer = json!({ "content": "an answer of mine", "replyToId": ids[1] });
        let answer = self.bob.post(&path, &answer).await.ok();
        ids.push(answer["id"].as_str().expect("an id").to_owned());
        let last = json!({ "content": format!("last {CANARY}"), "replyToId": ids[3] });
        let last = self.alice.post(&path, &last).await.ok();
        ids.push(last["id"].as_str().expect("an id").to_owned());
        self.messages.extend(ids);
        hers.len() + 1
    }

    pub async fn erase(&self) {
        let done = self.service.delete("/v1/users/alice").await;
        assert_eq!(done.status, 204, "{}", done.text);
    }

    /// All that one of them can read, over all routes and transports, from the oldest cursor on.
    pub async fn everything(&self, person: &Person) -> String {
        let service = self.service.at(&person.base);
        let mut paths: Vec<String> = [
            "/v1/me",
            "/v1/conversations",
            "/v1/conversations?page=1",
            "/v1/conversations?unread=true",
            "/v1/sync",
            "/v1/unread",
            "/v1/events?since=0&limit=200",
            "/v1/events?since=0&limit=200&wait=1",
            "/v1/presence?userIds=alice",
            "/v1/users/alice",
            "/v1/users/alice/export",
        ]
        .map(str::to_owned)
        .into();
        paths.push(format!("/v1/users/{}/export", person.id));
        for id in [&self.pair, &self.group] {
            for rest in [
                "",
                "/members",
                "/messages",
                "/messages?since=0",
                "/messages?page=1",
            ] {
                paths.push(format!("/v1/conversations/{id}{rest}"));
            }
        }
        for id in &self.messages {
            paths.push(format!("/v1/messages/{id}"));
            for rest in ["/revisions", "/receipts"] {
                paths.push(format!("/v1/messages/{id}{rest}"));
            }
            paths.push(format!("/v1/admin/messages/{id}/trace"));
        }
        let mut all = String::new();
        for path in paths {
            // The backend sees what concerns her as long as she is there.
            for by in [person, &service] {
                let answer = by.get(&path).await;
                assert!(answer.status != 500, "{path}: {}", answer.text);
                all.push_str(&format!("{} {path}: {}\n", by.id, answer.text));
            }
        }
        let mut stream = Sse::open(person, "?since=0").await;
        // Comes when everything has.
        while let Some(frame) = stream.next().await.filter(|frame| frame.event != "unread") {
            all.push_str(&format!("{} {}\n", frame.event, frame.data));
        }
        all
    }

    /// More messages of hers, put beside the log: as many as it would take long to send.
    pub async fn flood(&self, app: &App, conversation: &str, count: i64) {
        let mut connection = PgConnection::connect(&app.database.url).await.expect("it");
        let text = "
            with c as (update conversations set last_seq = last_seq + $2 where id = $1::uuid returning last_seq - $2 as last, tenant_id, id)
            insert into messages (tenant_id, id, conversation_id, seq, type, sender_id, content, changed_position, created_position, created_at)
            select c.tenant_id, gen_random_uuid(), c.id, c.last + n, 'USER', 'alice', $3 || n, p.head, p.head, now()
              from c, generate_series(1, $2) n, (select max(position) as head from events) p";
        let done = sqlx::query(text)
            .bind(conversation)
            .bind(count)
            .bind(CANARY);
        done.execute(&mut connection).await.expect("they are there");
    }
}
