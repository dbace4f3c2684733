//! What of this instance the feed's routes lean on, as one guard.

use std::sync::Arc;

use rocket::Request;
use rocket::request::{FromRequest, Outcome};

use super::delivered::Desk;
use super::feed::Reader;
use super::streams::Streams;
use crate::auth::Identities;
use crate::config::Config;
use crate::error::{Code, stash};
use crate::live::Live;
use crate::model::UserKey;
use crate::store::Db;
use crate::store::writer::Writer;

pub struct Instance<'r> {
    pub live: &'r Arc<Live>,
    pub db: &'r Db,
    pub writer: &'r Writer,
    pub config: &'r Config,
    pub desk: &'r Desk,
    pub identities: &'r Arc<Identities>,
    pub streams: &'r Arc<Streams>,
}

impl Instance<'_> {
    /// The feed of one user, to be read.
    pub fn reader(&self, me: &UserKey) -> Reader {
        Reader {
            live: self.live.clone(),
            db: self.db.clone(),
            me: me.clone(),
        }
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Instance<'r> {
    type Error = ();

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, ()> {
        let rocket = request.rocket();
        let found = || {
            Some(Self {
                live: rocket.state()?,
                db: rocket.state()?,
                writer: rocket.state()?,
                config: rocket.state()?,
                desk: rocket.state()?,
                identities: rocket.state()?,
                streams: rocket.state()?,
            })
        };
        // All of it is there before the port opens.
        found().map_or_else(
            || Outcome::Error(stash(request, Code::Internal.into())),
            Outcome::Success,
        )
    }
}
