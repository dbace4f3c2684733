//! Who may not see what: people inside of two conversations, and around them everybody who is not, or not any more.
//! Every text of those conversations holds a word that can be looked for in any answer.

use serde_json::{Value, json};

use crate::refusals::everything;
use crate::scheduled::schedule;
use crate::support::{App, Person};

/// Said while all were still members; once the former members were gone; between alice and bob alone.
pub const EARLY: &str = "early-LEAK";
pub const LATE: &str = "late-LEAK";
pub const PRIVATE: &str = "private-LEAK";

/// Somebody outside, with a conversation of their own: what they see of it shows that they are heard at all.
pub struct Outsider {
    pub what: &'static str,
    pub person: Person,
    pub friend: Person,
    pub own: String,
    /// Was a member once: its feed keeps what happened until then.
    pub is_former: bool,
}

/// A conversation and its newest message.
pub struct Target {
    pub conversation: String,
    pub message: String,
}

pub struct Scene {
    pub app: App,
    /// ADMIN of the group, and author of its messages.
    pub alice: Person,
    /// A plain MEMBER of it.
    pub bob: Person,
    pub service: Person,
    /// The host's backend of another tenant.
    pub other_service: Person,
    pub group: Target,
    pub early_message: String,
    pub private: Target,
    /// Of bob's.
    pub notification: String,
    /// Of bob, and it waits.
    pub reminder: String,
    /// One that the backend wants sent, and that waits.
    pub email: String,
    /// What bob wrote ahead to alice alone; and what the host did.
    pub ahead: [String; 2],
    pub outsiders: Vec<Outsider>,
    /// What names alice's things where a query or a body takes it.
    pub cursor: String,
    pub page_token: String,
}

fn id(value: &Value) -> String {
    value["id"].as_str().expect("an id").to_owned()
}

fn message(mark: &str) -> Value {
    json!({
        "content": format!("{mark} content"), "metadata": { "of": format!("{mark} metadata") },
        "attachments": [{ "url": format!("https://files.example/{mark}.jpg"), "type": "image/jpeg", "fileName": format!("{mark}.jpg") }],
    })
}

/// In the tenant of this name, with this name of its own.
fn person(app: &App, tenant: &str, id: &str, name: &str) -> Person {
    Person::with(&app.instances[0].url, id, |claims| {
        claims.tenant = Some(tenant.to_owned());
        claims.name = Some(name.to_owned());
        claims.role = (id == "backend").then(|| "service".to_owned());
        if id == "alice" && tenant == "default" {
            let of_alice = json!([format!("{EARLY}-organization")]);
            claims.more.insert("organizations".to_owned(), of_alice);
        }
    })
}

async fn outsider(app: &App, what: &'static str, tenant: &str, id: &str) -> Outsider {
    let person = person(app, tenant, id, what);
    let friend = self::person(app, tenant, "friend", "friend");
    for somebody in [&person, &friend] {
        somebody.get("/v1/me").await.ok();
    }
    let own = json!({ "type": "GROUP", "memberIds": ["friend"], "subject": "own" });
    let own = self::id(&person.post("/v1/conversations", &own).await.ok());
    friend.say(&own, "own words").await.ok();
    let is_former = what.starts_with("former");
    Outsider {
        what,
        person,
        friend,
        own,
        is_former,
    }
}

/// Everybody outside: never in it, not any more, or somebody else by the same id.
async fn outsiders(app: &App) -> Vec<Outsider> {
    vec![
        outsider(app, "stranger", "default", "mallory").await,
        outsider(app, "former, removed", "default", "rita").await,
        outsider(app, "former, left", "default", "luc").await,
        outsider(app, "alice of another tenant", "other", "alice").await,
    ]
}

/// With everybody in it who is to be inside of it once, and texts in all of its fields.
async fn open_group(alice: &Person) -> String {
    let group = json!({
        "type": "GROUP", "memberIds": ["bob", "rita", "luc"], "subject": format!("{EARLY} subject"), "key": format!("{EARLY}-key"),
        "context": { "type": "AD", "id": format!("{EARLY}-ad"), "title": format!("{EARLY} title") },
        "metadata": { "of": format!("{EARLY} metadata") }, "organizationId": format!("{EARLY}-organization"),
    });
    id(&alice.post("/v1/conversations", &group).await.ok())
}

/// To bob, about things inside.
async fn notification(service: &Person) -> String {
    let told = json!({
        "userId": "bob", "type": "T", "title": PRIVATE, "message": PRIVATE, "link": format!("/{PRIVATE}"),
    });
    let told = service.post("/v1/notifications", &told).await.ok();
    id(&told["items"][0])
}

/// Of bob, about things inside.
async fn reminder(service: &Person) -> String {
    let later = chrono::Utc::now() + chrono::Duration::hours(1);
    let what =
        json!({ "type": "T", "title": PRIVATE, "message": PRIVATE, "link": format!("/{PRIVATE}") });
    let remind = json!({ "userIds": ["bob"], "at": later.to_rfc3339(), "notification": what });
    id(&service.post("/v1/reminders", &remind).await.ok())
}

/// To a person inside, about things inside.
async fn waiting_email(service: &Person) -> String {
    let later = chrono::Utc::now() + chrono::Duration::hours(1);
    let email = json!({
        "to": format!("{PRIVATE}@mail.example"), "subject": PRIVATE, "text": PRIVATE, "deliverAt": later.to_rfc3339(),
    });
    id(&service.post("/v1/emails", &email).await.ok())
}

/// Both sites may call, and there is an SMTP server that nobody runs.
const SETTINGS: &str = "origins=[\"https://site.example\",\"https://other.example\"],\
    mail={smtp_url=\"smtp://127.0.0.1:1\",from=\"chat@example.org\",public_url=\"https://chat.example\",digest_after_secs=0}";

async fn write_ahead(people: [&Person; 2], to: &str) -> [String; 2] {
    let text = format!("{PRIVATE} ahead");
    let [one, other] = people.map(|by| schedule(by, to, &text));
    [one.await, other.await]
}

impl Scene {
    pub async fn set() -> Self {
        let app = App::with(1, SETTINGS).await;
        let of_default =
            |id: &str, mark: &str| person(&app, "default", id, &format!("{mark} {id}"));
        let (alice, bob) = (of_default("alice", EARLY), of_default("bob", EARLY));
        let (carol, service) = (of_default("carol", LATE), of_default("backend", "the"));
        let other_service = person(&app, "other", "backend", "another");
        for known in [&bob, &carol, &service, &other_service] {
            known.get("/v1/me").await.ok();
        }
        let outsiders = outsiders(&app).await;
        let group = open_group(&alice).await;
        let messages = format!("/v1/conversations/{group}/messages");
        let early_message = id(&alice.post(&messages, &message(EARLY)).await.ok());
        let members = format!("/v1/conversations/{group}/members");
        assert_eq!(alice.delete(&format!("{members}/rita")).await.status, 204);
        let luc = &outsiders[2].person;
        assert_eq!(luc.delete(&format!("{members}/me")).await.status, 204);
        let late = id(&alice.post(&messages, &message(LATE)).await.ok());
        // Edited, so that it has a revision.
        let edit = json!({ "content": format!("{LATE} content, edited") });
        alice
            .patch(&format!("/v1/messages/{late}"), &edit)
            .await
            .ok();
        let carol = json!({ "memberIds": ["carol"] });
        alice.post(&members, &carol).await.ok();
        let private = alice.converse_with("bob").await;
        let messages = format!("/v1/conversations/{private}/messages");
        let said = id(&alice.post(&messages, &message(PRIVATE)).await.ok());
        let cursor = alice.cursor().await;
        let page = alice.get("/v1/conversations?limit=1").await.ok();
        let page_token = page["nextPageToken"]
            .as_str()
            .expect("two pages")
            .to_owned();
        Self {
            ahead: write_ahead([&bob, &service], &private).await,
            notification: notification(&service).await,
            reminder: reminder(&service).await,
            email: waiting_email(&service).await,
            group: Target {
                conversation: group,
                message: late,
            },
            private: Target {
                conversation: private,
                message: said,
            },
            app,
            alice,
            bob,
            service,
            other_service,
            early_message,
            outsiders,
            cursor,
            page_token,
        }
    }

    /// What an answer to this person must not hold anywhere. A former member's feed keeps what it held.
    pub fn forbidden(&self, outsider: &Outsider) -> Vec<&str> {
        let mut words = vec![
            LATE,
            PRIVATE,
            &*self.private.conversation,
            &self.private.message,
            &self.group.message,
            &self.notification,
            &self.reminder,
        ];
        if !outsider.is_former {
            words.extend([EARLY, &self.group.conversation, &self.early_message]);
        }
        words
    }

    /// All that the two members see: the same before and after what others tried.
    pub async fn seen_by_members(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for by in [&self.alice, &self.bob] {
            for of in [&self.group, &self.private] {
                let (conversation, message) = (&of.conversation, &of.message);
                for path in [
                    format!("/v1/conversations/{conversation}"),
                    format!("/v1/conversations/{conversation}/members"),
                    format!("/v1/conversations/{conversation}/messages?limit=200"),
                    format!("/v1/messages/{message}/receipts"),
                ] {
                    seen.push(by.get(&path).await.ok());
                }
            }
            seen.push(by.get("/v1/me").await.ok());
            seen.push(by.get("/v1/notifications").await.ok());
            seen.push(by.get("/v1/unread").await.ok()["conversations"].clone());
            let (events, _) = by.all_events("0", 200).await;
            seen.push(Value::Array(events));
            seen.push(by.get("/v1/events").await.ok()["ephemeral"]["typing"].clone());
        }
        let revisions = format!("/v1/messages/{}/revisions", self.group.message);
        seen.push(self.alice.get(&revisions).await.ok());
        seen
    }

    /// Every table, but the one that is noted by itself within a second: what was handed out.
    pub async fn stored(&self) -> Vec<(String, Option<String>)> {
        let mut tables = everything(&self.app.database).await;
        tables.retain(|(name, _)| name != "handouts");
        tables
    }
}
