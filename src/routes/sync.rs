//! `GET /v1/sync`: what a client starts from.

use std::sync::Arc;

use rocket::{State, get};
use serde::Serialize;
use utoipa::ToSchema;

use super::conversations::linked;
use super::page::{UnreadCount, UnreadState};
use super::params::Query;
use super::respond::{Json, Page};
use crate::auth::AuthUser;
use crate::error::{Code, Result};
use crate::live::Live;
use crate::model::{Conversation, User};
use crate::store::{Db, sync, users};

/// One snapshot: it and the events after `cursor` make a fresh snapshot.
#[derive(Serialize, ToSchema)]
pub struct SyncAnswer {
    pub cursor: String,
    pub me: User,
    /// The first page; the others by `pageToken` from `/v1/conversations`.
    pub conversations: Page<Conversation>,
    pub unread: UnreadState,
}

/// Everything to start from, in one snapshot
#[utoipa::path(get, path = "/v1/sync", tag = "events", operation_id = "sync",
    params(("limit" = Option<i64>, Query, description = "Most conversations", minimum = 1, maximum = 100)),
    responses((status = 200, description = "The snapshot", body = SyncAnswer)))]
#[get("/sync")]
pub async fn get(
    me: AuthUser,
    query: Query,
    db: &Db,
    live: &State<Arc<Live>>,
) -> Result<Json<SyncAnswer>> {
    let limit = query.number("limit", 1, 100)?.unwrap_or(20);
    let user = users::find(db, &me.key.tenant, &me.key.id)
        .await?
        .ok_or(Code::NotFound)?;
    let newest = live.newest(&me.key, None, limit);
    let snapshot = sync::snapshot(db, &me.key, newest, limit).await?;
    let unread = UnreadState {
        total: snapshot.unread.iter().map(|(_, count)| count).sum(),
        conversations: snapshot.unread.len() as i64,
        notifications: snapshot.notifications,
        changed: snapshot
            .unread
            .into_iter()
            .map(|(id, unread_count)| UnreadCount { id, unread_count })
            .collect(),
    };
    let conversations = linked(snapshot.conversations, snapshot.has_more);
    Ok(Json::ok(SyncAnswer {
        cursor: snapshot.cursor.to_string(),
        me: user,
        conversations,
        unread,
    }))
}
