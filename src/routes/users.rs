//! `/v1/users`: people, as the host site puts them.

use std::sync::Arc;

use rocket::{State, get, put};

use super::body::Body;
use super::respond::{Json, Page};
use crate::auth::{AuthUser, Identities};
use crate::error::{Code, Error, Problem, Result};
use crate::model::{Check, FieldCode, Problems, Profile, User, UserKey};
use crate::store::batch::Op;
use crate::store::users::Sighting;
use crate::store::writer::Writer;
use crate::store::{Db, users};

/// Most profiles of one request.
const MAX: usize = 1000;

/// One person
#[utoipa::path(get, path = "/v1/users/{id}", tag = "users", operation_id = "getUser",
    params(("id" = String, Path, description = "The host site's own id")),
    responses(
        (status = 200, description = "The person", body = User),
        (status = 404, description = "Nobody by this id, or nobody the caller knows", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/users/<id>")]
pub async fn get(me: AuthUser, id: &str, db: &Db) -> Result<Json<User>> {
    if Problems::of_id(id).is_some() {
        return Err(Code::NotFound.into());
    }
    let is_visible =
        me.is_service || *me.key.id == *id || users::share_conversation(db, &me.key, id).await?;
    let user = if is_visible {
        users::find(db, &me.key.tenant, id).await?
    } else {
        None
    };
    user.map(Json::ok).ok_or_else(|| Code::NotFound.into())
}

/// Put one profile (`service`)
///
/// What is left out stays. Everybody who shares a conversation is told.
#[utoipa::path(put, path = "/v1/users/{id}", tag = "users", operation_id = "putUser",
    params(("id" = String, Path, description = "The host site's own id")), request_body = Profile,
    responses(
        (status = 200, description = "The person as they are now", body = User),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
    ))]
#[put("/users/<id>", data = "<profile>")]
pub async fn put(
    me: AuthUser,
    id: &str,
    profile: Body<Profile>,
    db: &Db,
    writer: &State<Writer>,
    identities: &State<Arc<Identities>>,
) -> Result<Json<User>> {
    me.require_service()?;
    let Body(mut profile) = profile;
    if profile.id.as_deref().is_some_and(|given| given != id) {
        return Err(Error::field("/id", FieldCode::InvalidValue));
    }
    profile.id = Some(id.to_owned());
    // The id of the path goes by the rules of a body's.
    if let Some(code) = Problems::of_id(id) {
        return Err(Error::field("/id", code));
    }
    write(&me, vec![profile], writer, identities).await?;
    let user = users::find(db, &me.key.tenant, id).await?;
    let user = user.ok_or(Code::NotFound)?;
    refuse_erased(std::slice::from_ref(&user))?;
    Ok(Json::ok(user))
}

/// What was just put is somebody, unless their erasure is going on, or is not a second old.
fn refuse_erased(users: &[User]) -> Result<()> {
    if users.iter().any(|user| user.is_deleted) {
        Err(Error::from(Code::Unavailable).because("the person is being erased"))
    } else {
        Ok(())
    }
}

/// Up to 1,000 profiles.
#[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Profiles(#[serde(deserialize_with = "crate::model::list_of_objects")] Vec<Profile>);

impl Check for Profiles {
    const IS_OBJECT: bool = false;

    fn check(&self, problems: &mut Problems) {
        if self.0.len() > MAX {
            return problems.add(FieldCode::TooMany);
        }
        for (i, profile) in self.0.iter().enumerate() {
            problems.at(i, |p| {
                profile.check(p);
                if profile.id.is_none() {
                    p.at("id", |p| p.add(FieldCode::Required));
                }
            });
        }
    }
}

/// Put many profiles (`service`)
#[utoipa::path(put, path = "/v1/users", tag = "users", operation_id = "putUsers", request_body = Profiles,
    responses(
        (status = 200, description = "The people as they are now, in the order given", body = Page<User>),
        (status = 403, description = "Only for the host's backend", body = Problem, content_type = "application/problem+json"),
    ))]
#[put("/users", data = "<profiles>")]
pub async fn put_all(
    me: AuthUser,
    profiles: Body<Profiles>,
    db: &Db,
    writer: &State<Writer>,
    identities: &State<Arc<Identities>>,
) -> Result<Json<Page<User>>> {
    me.require_service()?;
    let Body(Profiles(profiles)) = profiles;
    let ids: Vec<String> = profiles
        .iter()
        .filter_map(|profile| profile.id.clone())
        .collect();
    write(&me, profiles, writer, identities).await?;
    let users = users::list(db, &me.key.tenant, &ids).await?;
    refuse_erased(&users)?;
    Ok(Json::ok(Page::linked(users, false, None)))
}

/// The host's own word counts from now on: an older token does not take it back.
async fn write(
    me: &AuthUser,
    profiles: Vec<Profile>,
    writer: &Writer,
    identities: &Identities,
) -> Result<()> {
    let iat = chrono::Utc::now().timestamp() + identities.ahead();
    let sighting = |profile: Profile| {
        let key = UserKey::new(&me.key.tenant, profile.id.as_deref().unwrap_or_default());
        Sighting { key, profile, iat }
    };
    let sightings: Vec<_> = profiles.into_iter().map(sighting).collect();
    // A few at a time: each may have to be told in hundreds of conversations, and other people's writes wait meanwhile.
    for some in sightings.chunks(20) {
        writer.write(Op::Profiles(some.to_vec())).await?;
    }
    Ok(())
}
