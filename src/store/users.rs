//! People: seen in tokens, put by the host.

use sqlx::PgConnection;

use super::log::LogTransaction;
use super::{Db, bounded, presence, query, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{Account, EventKind, Preferences, Profile, User, UserKey};

/// A person as one JSON value, of a row `$u` of `users`; where they stand since the position `$since`, the person they were
/// then: who was erased does not become who came back under that id. A macro because SQL must be a literal.
macro_rules! user_json {
    ($u:literal, $since:literal) => {
        concat!(
            "case when coalesce(",
            $since,
            " <= ",
            $u,
            ".erased_position, false) then jsonb_build_object('id', ",
            $u,
            ".id, 'name', null, 'imageUrl', null, 'role', null, 'isDeleted', true) else ",
            user_json!($u),
            " end"
        )
    };
    ($u:literal) => {
        concat!(
            "jsonb_build_object('id', ",
            $u,
            ".id, 'name', ",
            $u,
            ".name, 'imageUrl', ",
            $u,
            ".image_url, 'role', ",
            $u,
            ".role, 'isDeleted', ",
            $u,
            ".is_erased)"
        )
    };
}
pub(super) use user_json;

/// What a token or the host says of a person, and since when (`iat`, in seconds).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub key: UserKey,
    pub profile: Profile,
    pub iat: i64,
}

pub async fn find(db: &Db, tenant: &str, id: &str) -> Result<Option<User>> {
    bounded(async {
        let mut connection = db.connection().await?;
        let text = "select id, name, image_url, role, is_erased as is_deleted from users where tenant_id = $1 and id = $2";
        Ok(query_as("users.find", text)
            .bind(tenant.to_owned())
            .bind(id.to_owned())
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await
}

/// Oneself.
pub async fn account(db: &Db, me: &UserKey) -> Result<Option<Account>> {
    bounded(async {
        let mut connection = db.connection().await?;
        let text = "select id, name, image_url, role, is_erased as is_deleted, presence_hidden, receipts_off, email, email_off from users
                     where tenant_id = $1 and id = $2";
        Ok(query_as("users.account", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .fetch_optional(&mut *connection)
            .await?)
    })
    .await
}

/// What a person chose for themselves.
#[derive(Debug, Clone)]
pub struct Choice {
    pub by: UserKey,
    pub preferences: Preferences,
}

/// Stores it and tells the person's other devices. What is chosen already writes nothing.
pub async fn choose(log: &mut LogTransaction<'_>, choice: &Choice) -> Result<()> {
    let done = query("users.choose", "
        update users set presence_hidden = coalesce($3, presence_hidden), receipts_off = coalesce($4, receipts_off),
                         email_off = coalesce($5, email_off), updated_at = now()
         where tenant_id = $1 and id = $2
           and (presence_hidden, receipts_off, email_off)
               is distinct from (coalesce($3, presence_hidden), coalesce($4, receipts_off), coalesce($5, email_off))")
        .bind(choice.by.tenant.to_string())
        .bind(choice.by.id.to_string())
        .bind(choice.preferences.presence_hidden)
        .bind(choice.preferences.receipts_off)
        .bind(choice.preferences.email_off)
        .execute(&mut *log.connection)
        .await?;
    if done.rows_affected() > 0 {
        tell_oneself(log, &choice.by.tenant, &choice.by.id);
    }
    if let Some(hidden) = choice.preferences.presence_hidden {
        presence::hide(log.connection, &choice.by, hidden).await?;
    }
    Ok(())
}

fn tell_oneself(log: &mut LogTransaction<'_>, tenant: &str, id: &str) {
    log.append(EventKind::UserUpdated, tenant, |row| {
        row.actor_id = Some(id.to_owned());
        row.subject_user_id = Some(id.to_owned());
        row.audience_user_id = Some(id.to_owned());
    });
}

/// Makes the row of a person at first sight. Nobody knows them yet, so nothing goes to the log.
/// Gives whether the token says something newer than the profile that is stored: then the writer must hear of it. One
/// that only confirms it counts as its source from now on. Somebody who comes back while their erasure is still going on
/// is asked to wait: what is being taken from them is not for the new person.
pub async fn see(db: &Db, seen: &Sighting) -> Result<bool> {
    let profile = &seen.profile;
    let text = "
        with fresh as (
            insert into users (tenant_id, id, name, image_url, role, claims_iat, email) values ($1, $2, $3, $4, $5, $6, $7)
            on conflict do nothing returning 1
        ), confirmed as (
            update users set claims_iat = $6
             where tenant_id = $1 and id = $2 and claims_iat < $6 and not is_erased
               and (name, image_url, role, email)
                   is not distinct from (coalesce($3, name), coalesce($4, image_url), coalesce($5, role), coalesce($7, email))
        )
        select is_erased and exists (select from erasures e where e.tenant_id = $1 and e.user_id = $2 and e.finished_at is null) as erasing
          from users
         where tenant_id = $1 and id = $2 and claims_iat < $6
           and (name is distinct from coalesce($3, name) or image_url is distinct from coalesce($4, image_url)
                or role is distinct from coalesce($5, role) or email is distinct from coalesce($7, email) or is_erased)";
    bounded(async {
        let mut connection = db.connection().await?;
        let found: Option<(bool,)> = query_as("users.see", text)
            .bind(seen.key.tenant.to_string())
            .bind(seen.key.id.to_string())
            .bind(profile.name.clone())
            .bind(profile.image_url.clone())
            .bind(profile.role.clone())
            .bind(seen.iat)
            .bind(profile.email.clone())
            .fetch_optional(&mut *connection)
            .await?;
        match found {
            Some((true,)) => {
                Err(Error::from(Code::Unavailable).because("the person is being erased"))
            }
            found => Ok(found.is_some()),
        }
    })
    .await
}

/// Stores newer profiles and tells everybody who shares a conversation, through at most 500 conversations each.
pub async fn put_all(log: &mut LogTransaction<'_>, sightings: &[&Sighting]) -> Result<()> {
    let column = |pick: fn(&Sighting) -> Option<String>| {
        sightings.iter().map(|s| pick(s)).collect::<Vec<_>>()
    };
    // Two sightings of one person in a batch: the newest wins, and an upsert may not touch a row twice.
    let changed: Vec<(String, String, bool)> = query_as("users.put", "
        with given as (
            select distinct on (tenant_id, id) * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])
                with ordinality as g (tenant_id, id, name, image_url, role, iat, email, n)
             order by tenant_id, id, iat desc, n desc
        ), old as (
            select u.* from users u join given using (tenant_id, id)
        ), put as (
            insert into users as u (tenant_id, id, name, image_url, role, claims_iat, email)
            select tenant_id, id, name, image_url, role, iat, email from given
            on conflict on constraint users_pkey do update
               set name = coalesce(excluded.name, u.name), image_url = coalesce(excluded.image_url, u.image_url),
                   role = coalesce(excluded.role, u.role), email = coalesce(excluded.email, u.email), claims_iat = excluded.claims_iat, updated_at = now(), is_erased = false
             where case when u.is_erased
                        then excluded.claims_iat > u.claims_iat and not exists (
                             select from erasures e where e.tenant_id = u.tenant_id and e.user_id = u.id and e.finished_at is null)
                        else excluded.claims_iat >= u.claims_iat end
            returning *
        )
        select p.tenant_id, p.id, old.id is null as is_new from put p left join old using (tenant_id, id)
         where old.id is null or (p.name, p.image_url, p.role, p.is_erased) is distinct from (old.name, old.image_url, old.role, old.is_erased)
         order by p.tenant_id, p.id")
        .bind(column(|s| Some(s.key.tenant.to_string())))
        .bind(column(|s| Some(s.key.id.to_string())))
        .bind(column(|s| s.profile.name.clone()))
        .bind(column(|s| s.profile.image_url.clone()))
        .bind(column(|s| s.profile.role.clone()))
        .bind(sightings.iter().map(|s| s.iat).collect::<Vec<_>>())
        .bind(column(|s| s.profile.email.clone()))
        .fetch_all(&mut *log.connection)
        .await?;
    let known: Vec<_> = changed
        .into_iter()
        .filter(|(_, _, is_new)| !is_new)
        .map(|(tenant, id, _)| (tenant, id))
        .collect();
    if known.is_empty() {
        Ok(())
    } else {
        tell(log, &known).await
    }
}

/// Appends `user.updated`: one for the person's own devices, one for each conversation they are in; of very many, the
/// newest conversations. Ids are UUIDv7, so that the index by user has them in this order, and none is sorted.
async fn tell(log: &mut LogTransaction<'_>, changed: &[(String, String)]) -> Result<()> {
    let (tenants, ids): (Vec<_>, Vec<_>) = changed.iter().cloned().unzip();
    let shared: Vec<(String, String, uuid::Uuid)> = query_as("users.shared", "
        select g.tenant_id, g.id, m.conversation_id
          from unnest($1::text[], $2::text[]) as g (tenant_id, id)
         cross join lateral (select conversation_id from members m
                              where m.tenant_id = g.tenant_id and m.user_id = g.id and m.left_position is null
                              order by m.conversation_id desc limit 500) m")
        .bind(&tenants)
        .bind(&ids)
        .fetch_all(&mut *log.connection)
        .await?;
    for (tenant, id) in changed {
        tell_oneself(log, tenant, id);
    }
    for (tenant, id, conversation) in shared {
        log.append(EventKind::UserUpdated, &tenant, |row| {
            row.actor_id = Some(id.clone());
            row.subject_user_id = Some(id);
            row.conversation_id = Some(conversation);
        });
    }
    Ok(())
}

/// Which of these people are known, of those asked. Nobody knows who was erased.
pub async fn known(
    connection: &mut PgConnection,
    tenants: &[String],
    ids: &[String],
) -> Result<Vec<(String, String)>> {
    let text = "select u.tenant_id, u.id from unnest($1::text[], $2::text[]) as g (tenant_id, id) join users u using (tenant_id, id) where not u.is_erased";
    Ok(query_as("users.known", text)
        .bind(tenants.to_vec())
        .bind(ids.to_vec())
        .fetch_all(connection)
        .await?)
}

/// Rows for people who are only named so far (`users.unknown = "create"`): their first token fills them.
pub async fn make_stubs(
    connection: &mut PgConnection,
    tenants: &[String],
    ids: &[String],
) -> Result<()> {
    let text = "insert into users (tenant_id, id) select * from unnest($1::text[], $2::text[]) on conflict do nothing";
    query("users.stubs", text)
        .bind(tenants.to_vec())
        .bind(ids.to_vec())
        .execute(connection)
        .await?;
    Ok(())
}

/// These people, in the order asked; those unknown left out.
pub async fn list(db: &Db, tenant: &str, ids: &[String]) -> Result<Vec<User>> {
    let text = "select u.id, u.name, u.image_url, u.role, u.is_erased as is_deleted from unnest($2::text[]) with ordinality as g (id, n)
                  join users u on u.tenant_id = $1 and u.id = g.id order by g.n";
    bounded(async {
        let mut connection = db.connection().await?;
        Ok(query_as("users.list", text)
            .bind(tenant.to_owned())
            .bind(ids.to_vec())
            .fetch_all(&mut *connection)
            .await?)
    })
    .await
}

/// Whether two people are in a conversation together now.
pub async fn share_conversation(db: &Db, me: &UserKey, other: &str) -> Result<bool> {
    let text = "select 1 from members a
                  join members b on b.tenant_id = a.tenant_id and b.conversation_id = a.conversation_id and b.user_id = $3 and b.left_position is null
                 where a.tenant_id = $1 and a.user_id = $2 and a.left_position is null limit 1";
    bounded(async {
        let mut connection = db.connection().await?;
        let row = query("users.share", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(other.to_owned())
            .fetch_optional(&mut *connection)
            .await?;
        Ok(row.is_some())
    })
    .await
}
