//! How far one has read: `POST /v1/conversations/{id}/read`, `POST /v1/messages/{id}/read`.

use rocket::{State, post};
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::Body;
use super::params::PathId;
use super::respond::Json;
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Code, Error, Problem, Result};
use crate::model::{Check, FieldCode, Problems, Receipt};
use crate::store::batch::{Op, Outcome, mismatch};
use crate::store::receipts::{Moved, Read};
use crate::store::writer::Writer;
use crate::store::{Db, messages};

/// Each waits a second, and those that wait together go together.
const TRIES: usize = 8;

/// How far the caller has read.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadUpTo {
    /// A message's `seq`; absent = the newest.
    #[serde(default)]
    #[schema(minimum = 1)]
    up_to: Option<i64>,
}

impl Check for ReadUpTo {
    fn when_empty() -> Option<Self> {
        Some(Self::default())
    }

    fn check(&self, problems: &mut Problems) {
        problems.optional("upTo", self.up_to.as_ref(), |p, up_to| {
            if *up_to < 1 {
                p.add(FieldCode::OutOfRange);
            }
        });
    }
}

/// Read a conversation, up to a message or to its end
///
/// The horizon only moves forward, and is shared by all of the caller's devices.
#[utoipa::path(post, path = "/v1/conversations/{id}/read", tag = "messages", operation_id = "readConversation", request_body = Option<ReadUpTo>,
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Where the horizon stands now", body = Receipt),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "There is no such `seq` yet", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/conversations/<id>/read", data = "<body>")]
pub async fn conversation(
    me: AuthUser,
    id: PathId,
    body: Body<ReadUpTo>,
    writer: &State<Writer>,
    config: &State<Config>,
) -> Result<Json<Receipt>> {
    read(me, id.get()?, body.0.up_to, writer, config).await
}

/// Read everything up to one message
#[utoipa::path(post, path = "/v1/messages/{id}/read", tag = "messages", operation_id = "readMessage",
    params(("id" = Uuid, Path)),
    responses(
        (status = 200, description = "Where the horizon stands now", body = Receipt),
        (status = 404, description = "Not there, or not the caller's", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/messages/<id>/read")]
pub async fn message(
    me: AuthUser,
    id: PathId,
    db: &Db,
    writer: &State<Writer>,
    config: &State<Config>,
) -> Result<Json<Receipt>> {
    let message = messages::get(db, &me.key, id.get()?).await?;
    read(
        me,
        message.conversation_id,
        Some(message.seq),
        writer,
        config,
    )
    .await
}

/// A person's receipts of one conversation are a second apart: who is quicker waits for the next one, which then says
/// everything at once.
async fn read(
    me: AuthUser,
    conversation: Uuid,
    up_to: Option<i64>,
    writer: &Writer,
    config: &Config,
) -> Result<Json<Receipt>> {
    let read = Read {
        is_told: config.tenant(&me.key.tenant).receipts,
        by: me.key,
        conversation,
        up_to,
    };
    for _ in 0..TRIES {
        match writer.write(Op::Read(read.clone())).await? {
            Outcome::Read(Moved::To(receipt)) => return Ok(Json::ok(receipt)),
            Outcome::Read(Moved::In(wait)) => tokio::time::sleep(wait).await,
            _ => return Err(mismatch()),
        }
    }
    Err(Error::from(Code::Overloaded).because("another receipt came first each time"))
}
