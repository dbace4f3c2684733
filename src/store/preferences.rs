//! What people want to be told, how and when. None of it is in the log: it is read where it is needed.

use chrono_tz::Tz;
use sqlx::PgConnection;
use sqlx::types::Json;

use super::{Db, bounded, query, query_as};
use crate::error::{Code, Error, Result};
use crate::model::{
    ChangedPreferences, Channels, ClockTime, Language, NotificationPreferences, QuietHours,
    TypeChannels, UserKey,
};

/// What holds where somebody has said nothing: the tenant's.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    pub time_zone: Tz,
    pub language: Language,
}

#[derive(sqlx::FromRow)]
struct Row {
    email_off: bool,
    time_zone: Option<String>,
    language: Option<String>,
    quiet_from: Option<i16>,
    quiet_to: Option<i16>,
    in_app: Option<bool>,
    types: Option<Json<Vec<TypeChannels>>>,
}

impl Row {
    fn preferences(self, defaults: Defaults) -> NotificationPreferences {
        let zone = self.time_zone.and_then(|name| name.parse().ok());
        let language = match self.language.as_deref() {
            Some("fr") => Language::Fr,
            Some("en") => Language::En,
            _ => defaults.language,
        };
        let hours = self.quiet_from.zip(self.quiet_to).and_then(|(from, to)| {
            let (from, to) = (ClockTime::of_minutes(from)?, ClockTime::of_minutes(to)?);
            Some(QuietHours { from, to })
        });
        NotificationPreferences {
            time_zone: zone.unwrap_or(defaults.time_zone),
            language,
            quiet_hours: hours,
            channels: Channels {
                in_app: self.in_app.unwrap_or(true),
                email: !self.email_off,
            },
            types: self.types.map(|Json(types)| types).unwrap_or_default(),
        }
    }
}

/// `not-found` where there is nobody, or nobody any more.
pub async fn get(db: &Db, user: &UserKey, defaults: Defaults) -> Result<NotificationPreferences> {
    let text = "select u.email_off, p.time_zone, p.language, p.quiet_from, p.quiet_to, p.in_app, p.types
                  from users u left join notification_preferences p on p.tenant_id = u.tenant_id and p.user_id = u.id
                 where u.tenant_id = $1 and u.id = $2 and not u.is_erased";
    bounded(async {
        let mut connection = db.connection().await?;
        let row: Option<Row> = query_as("preferences.get", text)
            .bind(user.tenant.to_string())
            .bind(user.id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        let row = row.ok_or(Code::NotFound)?;
        Ok(row.preferences(defaults))
    })
    .await
}

/// What is left out stays.
pub async fn change(db: &Db, me: &UserKey, change: &ChangedPreferences) -> Result<()> {
    // Of whoever is being erased nothing is kept any more.
    let text = "
        with me as (
            update users set email_off = coalesce($3, email_off) where tenant_id = $1 and id = $2 and not is_erased returning tenant_id, id
        )
        insert into notification_preferences as p (tenant_id, user_id, time_zone, language, quiet_from, quiet_to, in_app, types)
        select tenant_id, id, $5, $7, $9, $10, coalesce($11, true), coalesce($12, '[]'::jsonb) from me
        on conflict on constraint notification_preferences_pkey do update
           set time_zone = case when $4 then excluded.time_zone else p.time_zone end,
               language = case when $6 then excluded.language else p.language end,
               quiet_from = case when $8 then excluded.quiet_from else p.quiet_from end,
               quiet_to = case when $8 then excluded.quiet_to else p.quiet_to end,
               in_app = coalesce($11, p.in_app), types = coalesce($12, p.types)";
    let channels = change.channels.unwrap_or_default();
    let hours = change.quiet_hours.flatten();
    bounded(async {
        let mut connection = db.connection().await?;
        let done = query("preferences.change", text)
            .bind(me.tenant.to_string())
            .bind(me.id.to_string())
            .bind(channels.email.map(|on| !on))
            .bind(change.time_zone.is_some())
            .bind(change.time_zone.flatten().map(|zone| zone.name()))
            .bind(change.language.is_some())
            .bind(change.language.flatten().map(Language::as_str))
            .bind(change.quiet_hours.is_some())
            .bind(hours.map(|hours| hours.from.minutes()))
            .bind(hours.map(|hours| hours.to.minutes()))
            .bind(channels.in_app)
            .bind(change.types.as_ref().map(Json))
            .execute(&mut *connection)
            .await?;
        match done.rows_affected() {
            0 => Err(Error::from(Code::NotFound)),
            _ => Ok(()),
        }
    })
    .await
}

/// Which of these people do not want a notification of its type on the pages, as indexes into the list.
pub(super) async fn not_in_app(
    connection: &mut PgConnection,
    asked: &[(&UserKey, &str)],
) -> Result<Vec<usize>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let text = "
        select g.n - 1 from unnest($1::text[], $2::text[], $3::text[]) with ordinality as g (tenant_id, user_id, type, n)
          join notification_preferences p on p.tenant_id = g.tenant_id and p.user_id = g.user_id
         where not p.in_app or p.types @> jsonb_build_array(jsonb_build_object('type', g.type, 'inApp', false))";
    let column = |pick: fn(&(&UserKey, &str)) -> String| asked.iter().map(pick).collect::<Vec<_>>();
    let rows: Vec<(i64,)> = query_as("preferences.not_in_app", text)
        .bind(column(|(user, _)| user.tenant.to_string()))
        .bind(column(|(user, _)| user.id.to_string()))
        .bind(column(|(_, kind)| (*kind).to_owned()))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(n,)| n as usize).collect())
}
