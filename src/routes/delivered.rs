//! What has reached a device: proven by the cursors of polls, said by `POST /v1/delivered` for streams.

use std::sync::Arc;

use rocket::http::Status;
use rocket::{State, post};
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::Body;
use super::feed::Reader;
use super::page::Since;
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Error, Problem, Result};
use crate::live::{Feed, Live};
use crate::model::{Check, Cursor, FieldCode, Position, Problems, UserKey};
use crate::store::Db;
use crate::store::deliveries::{Deliveries, Horizon};

/// Where receipts go from here, and whose are told.
pub struct Acknowledged<'r> {
    pub deliveries: &'r Deliveries,
    pub config: &'r Config,
}

impl Acknowledged<'_> {
    /// A device of `me` has everything up to `position`.
    pub fn note(&self, me: &UserKey, feed: &Feed, position: Position) {
        let arrived = feed.acknowledge(position);
        if arrived.is_empty() || !self.config.tenant(&me.tenant).receipts {
            return;
        }
        let horizon = |(conversation, up_to)| Horizon {
            by: me.clone(),
            conversation,
            up_to,
        };
        self.deliveries
            .note(arrived.into_iter().map(horizon).collect());
    }
}

/// How far a stream's client has come.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliveredUpTo {
    /// Of the last event it has.
    #[schema(max_length = 64)]
    cursor: String,
}

impl Check for DeliveredUpTo {
    fn check(&self, problems: &mut Problems) {
        if self.cursor.parse::<Cursor>().is_err() {
            problems.at("cursor", |p| p.add(FieldCode::InvalidValue));
        }
    }
}

/// Say what a stream's client has
///
/// Optional: it makes DELIVERED of what was streamed. Polls prove it by their next `since`.
#[utoipa::path(post, path = "/v1/delivered", tag = "events", operation_id = "delivered", request_body = DeliveredUpTo,
    responses(
        (status = 204, description = "Noted; told to the senders within a few seconds"),
        (status = 410, description = "The cursor is of another log, too old or too new", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Not a cursor", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/delivered", data = "<body>")]
pub async fn note(
    me: AuthUser,
    body: Body<DeliveredUpTo>,
    live: &State<Arc<Live>>,
    db: &Db,
    deliveries: &State<Deliveries>,
    config: &State<Config>,
) -> Result<Status> {
    let cursor = body.0.cursor.parse();
    let cursor: Cursor = cursor.map_err(|_| Error::field("/cursor", FieldCode::InvalidValue))?;
    let reader = Reader {
        live: live.inner().clone(),
        db: db.clone(),
        me: me.key,
    };
    let cursor = reader.start(Since::At(cursor)).await?;
    let feed = reader.feed().await?;
    let acknowledged = Acknowledged { deliveries, config };
    acknowledged.note(&reader.me, &feed, cursor.position);
    Ok(Status::NoContent)
}
