//! A small site to look at: an ad, an appointment, a group with an admin, and a second tenant. Loaded through the same
//! writer as everything else. A story is told when its conversation is new: starting again adds nothing, and what people
//! did with it since stands.

use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::{Claims, mint};
use crate::config::DEVELOPMENT_SECRET;
use crate::error::Result;
use crate::model::{
    EditedMessage, Language, MemberRole, MessageType, NewConversation, NewMember, NewMessage,
    NewNotification, Profile, UserKey,
};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::create::{Create, Created};
use crate::store::edits::{Change, Edit};
use crate::store::joins::Add;
use crate::store::notify::Notify;
use crate::store::send::Send;
use crate::store::users::Sighting;
use crate::store::writer::Writer;

const SITE: &str = "default";
/// Another site on the same service, a fire brigade: its alice is somebody else.
const BRIGADE: &str = "caserne";

/// A demo person: of which tenant, its id and its name.
pub type Person = (&'static str, &'static str, &'static str);

/// A buyer, a seller, the salon both go to, and one who may still be asked to join them; two firefighters.
pub const PEOPLE: [Person; 6] = [
    (SITE, "alice", "Alice Martin"),
    (SITE, "bob", "Bob Durand"),
    (SITE, "salon", "Salon Lumière"),
    (SITE, "nora", "Nora Petit"),
    (BRIGADE, "alice", "Alice Renard"),
    (BRIGADE, "karim", "Karim Benali"),
];

/// What was loaded: the conversation of each story.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Site {
    /// About an ad, between the first two people.
    pub ad: Uuid,
    pub appointment: Uuid,
    pub group: Uuid,
    /// Of the second tenant.
    pub brigade: Uuid,
}

/// Filled once the demo is loaded; stays empty in production.
pub type Slot = OnceLock<Site>;

/// A token of a demo person, good for a day.
pub fn token((tenant, id, _): Person) -> Result<String> {
    let now = chrono::Utc::now().timestamp();
    // `iat` 0: the demo's own profiles stand.
    let mut claims = Claims::new(id, 0, now + 86_400);
    claims.tenant = Some(tenant.to_owned());
    mint(DEVELOPMENT_SECRET, &claims)
}

pub async fn load(writer: &Writer) -> Result<Site> {
    let people = PEOPLE.iter().map(|(tenant, id, name)| Sighting {
        key: UserKey::new(tenant, id),
        profile: Profile {
            name: Some((*name).to_owned()),
            ..Profile::default()
        },
        iat: 1,
    });
    writer.write(Op::Profiles(people.collect())).await?;
    let site = Teller {
        writer,
        tenant: SITE,
    };
    let brigade = Teller {
        writer,
        tenant: BRIGADE,
    };
    Ok(Site {
        ad: tell_of_the_ad(&site).await?,
        appointment: tell_of_the_appointment(&site).await?,
        group: tell_of_the_group(&site).await?,
        brigade: tell_of_the_brigade(&brigade).await?,
    })
}

async fn tell_of_the_ad(site: &Teller<'_>) -> Result<Uuid> {
    let ad = site.create(Some("alice"), json!({
        "type": "PRIVATE", "recipientId": "bob", "subject": "iPhone 14 Pro",
        "context": { "type": "AD", "id": "ad-456", "title": "iPhone 14 Pro", "url": "https://example.org/ads/ad-456" },
    })).await?;
    if ad.is_new {
        let question = "Bonjour, votre iPhone est-il toujours disponible ?";
        let answer = "Bonjour Alice, oui ! Il est comme neuf, avec sa boîte.";
        site.say(Some("alice"), ad.id, question).await?;
        site.say(Some("bob"), ad.id, answer).await?;
        let when = "Parfait 🙂 Je peux passer demain vers 18 h ?";
        site.say(Some("alice"), ad.id, when).await?;
        site.notify(json!({ "userId": "alice", "type": "PRICE", "title": "Prix en baisse : iPhone 14 Pro", "message": "620 € au lieu de 650 €.", "link": "/demo/person.html?story=ad&as=alice" })).await?;
        site.notify(json!({ "userId": "bob", "type": "AD", "title": "Votre annonce plaît", "message": "128 vues cette semaine, et 9 personnes l'ont mise en favori.", "link": "/demo/person.html?story=ad&as=bob" })).await?;
    }
    Ok(ad.id)
}

/// Booked on the host's site: its backend opens the conversation, and speaks in it again later.
async fn tell_of_the_appointment(site: &Teller<'_>) -> Result<Uuid> {
    let appointment = site.create(None, json!({
        "type": "PRIVATE", "memberIds": ["alice", "salon"], "subject": "Coupe et couleur",
        "context": { "type": "APPOINTMENT", "id": "rdv-1027", "title": "Coupe et couleur", "startsAt": "2027-03-12T10:00:00Z", "unique": true },
        "systemMessage": { "content": "Bonjour Alice, votre rendez-vous du 12 mars est confirmé. À bientôt !", "clientMessageId": "rdv-1027-booked" },
    })).await?;
    if appointment.is_new {
        let thanks = "Merci, à bientôt !";
        site.say(Some("alice"), appointment.id, thanks).await?;
        let moved = "Votre rendez-vous est décalé d'une demi-heure, le même jour.";
        site.say(None, appointment.id, moved).await?;
        site.notify(json!({ "userId": "alice", "type": "APPOINTMENT_MOVED", "title": "Votre rendez-vous est décalé", "message": "Coupe et couleur, le 12 mars : une demi-heure plus tard.", "link": "/demo/person.html?story=appointment&as=alice" })).await?;
        site.notify(json!({ "userId": "salon", "type": "REVIEW", "title": "Nouvel avis : cinq étoiles", "message": "« Accueil chaleureux, couleur parfaite. »" })).await?;
    }
    Ok(appointment.id)
}

async fn tell_of_the_group(site: &Teller<'_>) -> Result<Uuid> {
    let group = site
        .create(
            None,
            json!({
                "type": "GROUP", "subject": "Soirée d'ouverture", "key": "demo-opening",
                "members": [{ "userId": "salon", "role": "ADMIN" }, { "userId": "alice" }],
            }),
        )
        .await?;
    if group.is_new {
        let welcome = "Bienvenue ! La soirée commence à 19 h.";
        let welcome = site.say(Some("salon"), group.id, welcome).await?;
        site.add("salon", group.id, "bob").await?;
        let music = "Super, j'apporte de la musique.";
        site.answer("bob", group.id, music, welcome).await?;
        let later = "Bienvenue ! La soirée commence à 19 h 30.";
        site.edit("salon", welcome, later).await?;
    }
    Ok(group.id)
}

async fn tell_of_the_brigade(brigade: &Teller<'_>) -> Result<Uuid> {
    let group = brigade.create(None, json!({
        "type": "GROUP", "subject": "Garde de nuit", "key": "demo-night", "organizationId": "caserne-12",
        "members": [{ "userId": "karim", "role": "ADMIN" }, { "userId": "alice" }],
    })).await?;
    if group.is_new {
        let drill = "Exercice à 20 h : rassemblement devant le hangar.";
        brigade.say(Some("karim"), group.id, drill).await?;
        let heard = "Bien reçu, j'y serai.";
        brigade.say(Some("alice"), group.id, heard).await?;
        brigade.notify(json!({ "userId": "alice", "type": "WATCH", "title": "Garde de nuit ce soir", "message": "De 20 h à 8 h, avec Karim Benali." })).await?;
    }
    Ok(group.id)
}

/// Writes what people of one tenant do; `by` none is the host's backend.
struct Teller<'a> {
    writer: &'a Writer,
    tenant: &'static str,
}

impl Teller<'_> {
    fn key(&self, by: Option<&str>) -> UserKey {
        UserKey::new(self.tenant, by.unwrap_or("demo-site"))
    }

    async fn create(&self, by: Option<&str>, body: Value) -> Result<Created> {
        let conversation: NewConversation = serde_json::from_value(body)?;
        let create = Create::new(self.key(by), by.is_none(), conversation, false)?;
        match self.writer.write(Op::Create(Box::new(create))).await? {
            Outcome::Created(created) => Ok(created),
            _ => Err(mismatch()),
        }
    }

    /// What the host has to tell, outside of conversations.
    async fn notify(&self, body: Value) -> Result<()> {
        let notification: NewNotification = serde_json::from_value(body)?;
        let notify = Notify::new(self.key(None), notification, None, false);
        let told = self.writer.write(Op::Notify(Box::new(notify))).await?;
        matches!(told, Outcome::Notified(_))
            .then_some(())
            .ok_or_else(mismatch)
    }

    async fn say(&self, by: Option<&str>, conversation: Uuid, content: &str) -> Result<Uuid> {
        self.send(by, conversation, content, None).await
    }

    async fn answer(&self, by: &str, conversation: Uuid, content: &str, to: Uuid) -> Result<Uuid> {
        self.send(Some(by), conversation, content, Some(to)).await
    }

    async fn send(
        &self,
        by: Option<&str>,
        conversation: Uuid,
        content: &str,
        reply_to_id: Option<Uuid>,
    ) -> Result<Uuid> {
        let message = NewMessage {
            content: content.to_owned(),
            attachments: Vec::new(),
            client_message_id: None,
            reply_to_id,
            metadata: None,
            deliver_at: None,
        };
        let mut send = Send::new(self.key(by), conversation, message, None);
        if by.is_none() {
            send.r#type = MessageType::System;
        }
        match self.writer.write(Op::Send(Box::new(send))).await? {
            Outcome::Sent(sent) => Ok(sent.message.id),
            _ => Err(mismatch()),
        }
    }

    async fn add(&self, by: &str, conversation: Uuid, who: &str) -> Result<()> {
        let member = NewMember {
            user_id: who.to_owned(),
            role: MemberRole::Member,
        };
        let add = Add {
            by: self.key(Some(by)),
            by_service: false,
            conversation,
            members: vec![(member, String::new())],
            make_unknown: false,
            notice: Some(Language::Fr),
        };
        self.writer.write(Op::Add(add)).await.map(drop)
    }

    async fn edit(&self, by: &str, message: Uuid, content: &str) -> Result<()> {
        let edited = EditedMessage {
            content: Some(content.to_owned()),
            ..EditedMessage::default()
        };
        let edit = Edit {
            by: self.key(Some(by)),
            by_service: false,
            message,
            change: Change::Edit(edited),
        };
        self.writer.write(Op::Edit(edit)).await.map(drop)
    }
}

/// What a newcomer can paste.
pub fn tour(address: &str, site: Site) -> Result<String> {
    let program = std::env::args()
        .next()
        .unwrap_or_else(|| "causerie".to_owned());
    let (alice, bob) = (token(PEOPLE[0])?, token(PEOPLE[1])?);
    let ad = site.ad;
    Ok(format!(
        r#"The API: {address}/docs

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

  Tokens of your own: {program} token carol --name Carol [--role service] [--tenant t]
  Stop with Ctrl-C.
"#
    ))
}
