//! What has reached a device: proven by the cursors of polls, said by `POST /v1/delivered` for streams.

use rocket::http::Status;
use rocket::post;
use serde::Deserialize;
use utoipa::ToSchema;

use super::body::Body;
use super::instance::Instance;
use super::page::{FeedPage, Since};
use crate::auth::AuthUser;
use crate::config::Config;
use crate::error::{Error, Problem, Result};
use crate::live::Feed;
use crate::model::{Check, Cursor, FieldCode, Position, Problems, Transport, UserKey};
use crate::store::deliveries::{Deliveries, Horizon};
use crate::store::handouts::{Handout, Handouts};

/// Where it is noted what was handed out, and what has arrived.
#[derive(Clone)]
pub struct Desk {
    pub deliveries: Deliveries,
    pub handouts: Handouts,
}

impl Desk {
    /// A device of `me` has everything up to `position`.
    pub fn arrived(&self, me: &UserKey, feed: &Feed, position: Position, config: &Config) {
        let Some(arrival) = feed.acknowledge(position) else {
            return;
        };
        self.handouts.note(Handout {
            to: me.clone(),
            transport: Transport::Acknowledged,
            after: arrival.after,
            up_to: arrival.up_to,
        });
        if arrival.horizons.is_empty() || !config.tenant(&me.tenant).receipts {
            return;
        }
        let horizon = |(conversation, up_to)| Horizon {
            by: me.clone(),
            conversation,
            up_to,
        };
        self.deliveries
            .note(arrival.horizons.into_iter().map(horizon).collect());
    }

    /// `me` was handed a page.
    pub fn handed_out(&self, me: &UserKey, transport: Transport, page: &FeedPage) {
        if page.frames.is_empty() {
            return;
        }
        self.handouts.note(Handout {
            to: me.clone(),
            transport,
            after: page.from,
            up_to: page.up_to,
        });
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
pub async fn note(me: AuthUser, body: Body<DeliveredUpTo>, here: Instance<'_>) -> Result<Status> {
    let cursor = body.0.cursor.parse();
    let cursor: Cursor = cursor.map_err(|_| Error::field("/cursor", FieldCode::InvalidValue))?;
    let reader = here.reader(&me.key);
    let cursor = reader.start(Since::At(cursor)).await?;
    let feed = reader.feed().await?;
    here.desk
        .arrived(&reader.me, &feed, cursor.position, here.config);
    Ok(Status::NoContent)
}
