//! A small site to look at: three people, an ad, an appointment, a group. Loaded through the same writer as everything
//! else, and repeatable: create-or-get finds the conversations, `clientMessageId` the messages.

use std::sync::OnceLock;

use serde_json::json;
use uuid::Uuid;

use crate::auth::{Claims, mint};
use crate::error::Result;
use crate::model::{NewConversation, NewMessage, Profile, UserKey};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::create::Create;
use crate::store::receipts::Read;
use crate::store::send::Send;
use crate::store::users::Sighting;
use crate::store::writer::Writer;

pub const TENANT: &str = "default";
/// A buyer, a seller, and the salon both go to.
pub const PEOPLE: [&str; 3] = ["alice", "bob", "salon"];
const NAMES: [&str; 3] = ["Alice Martin", "Bob Durand", "Salon Lumière"];

/// What was loaded.
#[derive(Debug, Clone, Copy)]
pub struct Site {
    /// The conversation about the ad, between the first two people.
    pub ad: Uuid,
}

/// Filled once the demo is loaded; stays empty in production.
pub type Slot = OnceLock<Site>;

/// A token of a demo person, good for a day.
pub fn token(secret: &str, id: &str) -> Result<String> {
    let now = chrono::Utc::now().timestamp();
    // `iat` 0: the demo's own profiles stand.
    mint(secret, &Claims::new(id, 0, now + 86_400))
}

pub async fn load(writer: &Writer) -> Result<Site> {
    let people = PEOPLE.iter().zip(NAMES).map(|(id, name)| Sighting {
        key: UserKey::new(TENANT, id),
        profile: Profile {
            name: Some(name.to_owned()),
            ..Profile::default()
        },
        iat: 1,
    });
    writer.write(Op::Profiles(people.collect())).await?;
    let ad = create(writer, Some("alice"), json!({
        "type": "PRIVATE", "recipientId": "bob", "subject": "iPhone 14 Pro",
        "context": { "type": "AD", "id": "ad-456", "title": "iPhone 14 Pro", "url": "https://example.org/ads/ad-456" },
    })).await?;
    let appointment = create(writer, None, json!({
        "type": "PRIVATE", "memberIds": ["alice", "salon"], "subject": "Coupe et couleur",
        "context": { "type": "APPOINTMENT", "id": "rdv-1027", "title": "Coupe et couleur", "startsAt": "2027-03-12T09:30:00Z", "unique": true },
        "systemMessage": { "content": "Bonjour Alice, votre rendez-vous du 12 mars à 10 h 30 est confirmé. À bientôt !", "clientMessageId": "demo-rdv-1" },
    })).await?;
    let group = create(writer, Some("salon"), json!({
        "type": "GROUP", "memberIds": ["alice", "bob"], "subject": "Soirée d'ouverture", "key": "demo-opening",
    })).await?;
    for (conversation, by, id, content) in [
        (
            ad,
            "alice",
            "demo-ad-1",
            "Bonjour, votre iPhone est-il toujours disponible ?",
        ),
        (
            ad,
            "bob",
            "demo-ad-2",
            "Bonjour Alice, oui ! Il est comme neuf, avec sa boîte.",
        ),
        (
            ad,
            "alice",
            "demo-ad-3",
            "Parfait 🙂 Je peux passer demain vers 18 h ?",
        ),
        (appointment, "alice", "demo-rdv-2", "Merci, à bientôt !"),
        (
            group,
            "salon",
            "demo-group-1",
            "Bienvenue à tous les deux : la soirée commence à 19 h.",
        ),
        (
            group,
            "bob",
            "demo-group-2",
            "Super, j'apporte de la musique.",
        ),
    ] {
        say(writer, conversation, by, id, content).await?;
    }
    Ok(Site { ad })
}

/// By a person, or by the host's backend.
async fn create(writer: &Writer, by: Option<&str>, body: serde_json::Value) -> Result<Uuid> {
    let conversation: NewConversation = serde_json::from_value(body)?;
    let by_service = by.is_none();
    let create = Create::new(
        UserKey::new(TENANT, by.unwrap_or("demo-site")),
        by_service,
        conversation,
        true,
    )?;
    match writer.write(Op::Create(Box::new(create))).await? {
        Outcome::Created(created) => Ok(created.id),
        _ => Err(mismatch()),
    }
}

/// Sends, unless it was sent by an earlier start; then the sender has read what came before.
async fn say(writer: &Writer, conversation: Uuid, by: &str, id: &str, content: &str) -> Result<()> {
    let message = NewMessage {
        content: content.to_owned(),
        attachments: Vec::new(),
        client_message_id: Some(id.to_owned()),
        reply_to_id: None,
        metadata: None,
    };
    let Outcome::Sent(sent) = writer
        .write(Op::Send(Box::new(Send::new(
            UserKey::new(TENANT, by),
            conversation,
            message,
            None,
        ))))
        .await?
    else {
        return Err(mismatch());
    };
    writer
        .write(Op::Read(Read {
            by: UserKey::new(TENANT, by),
            conversation,
            up_to: Some(sent.message.seq),
            is_told: true,
        }))
        .await?;
    Ok(())
}

/// What a newcomer can paste.
pub fn tour(address: &str, secret: &str, site: Site) -> Result<String> {
    let (alice, bob) = (token(secret, "alice")?, token(secret, "bob")?);
    let ad = site.ad;
    Ok(format!(
        r#"
  The page      {address}/          two people side by side
  The API       {address}/docs

  Paste these. Alice sends; Bob polls, long-polls, streams.

ALICE={alice}
BOB={bob}
# send
curl -sS -w '\n' {address}/v1/conversations/{ad}/messages -H "Authorization: Bearer $ALICE" -H 'Content-Type: application/json' -d '{{"content":"Bonjour"}}'
# poll: what is kept, from the oldest; go on with since= the cursor it gives
curl -sS -w '\n' "{address}/v1/events?since=0&limit=3" -H "Authorization: Bearer $BOB"
# long-poll: waits up to 20 s for the next event; send something meanwhile
curl -sS -w '\n' "{address}/v1/events?wait=20" -H "Authorization: Bearer $BOB"
# stream: as it happens, until Ctrl-C
curl -sSN {address}/v1/events/stream -H "Authorization: Bearer $BOB"

  Tokens of your own: causerie token alice --name Alice [--role service] [--tenant t]
  Stop with Ctrl-C.
"#
    ))
}
