//! What a person wants to be told, how and when.

use std::collections::HashSet;

use chrono::{DateTime, Days, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use super::Language;
use super::rules::{Check, FieldCode, Problems};

/// Most types that one person treats otherwise than the rest.
const MAX_TYPES: usize = 100;

/// By which ways. What is off here is off for every type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    /// On the site's pages.
    pub in_app: bool,
    /// A link in every e-mail turns it off.
    pub email: bool,
}

/// What one type of notification is told by. `UNREAD_DIGEST` are the e-mails about unread messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypeChannels {
    #[schema(min_length = 1, max_length = 64, example = "APPOINTMENT_MOVED")]
    pub r#type: String,
    #[serde(default = "on")]
    pub in_app: bool,
    #[serde(default = "on")]
    pub email: bool,
}

fn on() -> bool {
    true
}

/// No e-mails from `from` to `to`, by the person's own clock; they come after it. May go over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuietHours {
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "22:00")]
    pub from: ClockTime,
    #[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$", example = "07:00")]
    pub to: ClockTime,
}

/// An hour and a minute, `22:05`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockTime(NaiveTime);

impl ClockTime {
    pub fn of_minutes(minutes: i16) -> Option<Self> {
        let minutes = u32::try_from(minutes).ok()?;
        NaiveTime::from_hms_opt(minutes / 60, minutes % 60, 0).map(Self)
    }

    pub fn minutes(self) -> i16 {
        (self.0.hour() * 60 + self.0.minute()) as i16
    }
}

impl Serialize for ClockTime {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0.format("%H:%M"))
    }
}

impl<'de> Deserialize<'de> for ClockTime {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let time = NaiveTime::parse_from_str(&text, "%H:%M").ok();
        // `7:5` would be read, too.
        let time = time.filter(|time| time.format("%H:%M").to_string() == text);
        time.map(Self)
            .ok_or_else(|| serde::de::Error::custom("a time is written 22:05"))
    }
}

/// `GET /v1/me/preferences`: as they hold, with the site's own word where one has said nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPreferences {
    /// IANA's name.
    #[schema(value_type = String, example = "Europe/Paris")]
    pub time_zone: Tz,
    pub language: Language,
    #[schema(required)]
    pub quiet_hours: Option<QuietHours>,
    pub channels: Channels,
    #[schema(max_items = 100)]
    pub types: Vec<TypeChannels>,
}

impl NotificationPreferences {
    pub fn wants_email(&self, r#type: &str) -> bool {
        let mut types = self.types.iter();
        self.channels.email && !types.any(|one| one.r#type == r#type && !one.email)
    }

    /// Until when there are to be no e-mails; none outside of quiet hours.
    pub fn quiet_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let QuietHours {
            from: ClockTime(from),
            to: ClockTime(to),
        } = self.quiet_hours?;
        let here = now.with_timezone(&self.time_zone);
        let (today, time) = (here.date_naive(), here.time());
        let end = match (from < to, time >= from, time < to) {
            (true, true, true) | (false, _, true) => today.and_time(to),
            (false, true, false) => today.checked_add_days(Days::new(1))?.and_time(to),
            _ => return None,
        };
        // Where clocks are put back an hour is there twice, and where they are put forward one is missing: then the end is
        // as soon as the clock shows what comes after it.
        (0..=180).find_map(|minutes| {
            let shown = end + TimeDelta::minutes(minutes);
            let moments = self.time_zone.from_local_datetime(&shown);
            let mut both = [moments.earliest(), moments.latest()].into_iter().flatten();
            let end = both.find(|moment| *moment > now)?;
            Some(end.with_timezone(&Utc))
        })
    }
}

/// `PATCH /v1/me/preferences`: what is left out stays; null is the site's own word again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedPreferences {
    #[serde(default, deserialize_with = "time_zone")]
    #[schema(value_type = Option<String>, example = "Europe/Paris")]
    pub time_zone: Option<Option<Tz>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Language>)]
    pub language: Option<Option<Language>>,
    #[serde(default, deserialize_with = "quiet_hours")]
    #[schema(value_type = Option<QuietHours>)]
    pub quiet_hours: Option<Option<QuietHours>>,
    #[serde(default, deserialize_with = "super::object::optional")]
    pub channels: Option<ChangedChannels>,
    /// All of them: a type that is not named is told by every channel that is on.
    #[serde(default, deserialize_with = "super::object::optional_list")]
    #[schema(max_items = 100)]
    pub types: Option<Vec<TypeChannels>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangedChannels {
    #[serde(default)]
    pub in_app: Option<bool>,
    #[serde(default)]
    pub email: Option<bool>,
}

fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(from).map(Some)
}

fn quiet_hours<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<QuietHours>>, D::Error> {
    super::object::optional(from).map(Some)
}

fn time_zone<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<Tz>>, D::Error> {
    let Some(name) = Option::<String>::deserialize(from)? else {
        return Ok(Some(None));
    };
    let zone = name.parse::<Tz>();
    zone.map(|zone| Some(Some(zone)))
        .map_err(|_| serde::de::Error::custom("no time zone of IANA's"))
}

impl Check for ChangedPreferences {
    fn check(&self, problems: &mut Problems) {
        if let Some(Some(quiet)) = &self.quiet_hours
            && quiet.from == quiet.to
        {
            problems.at("quietHours", |p| {
                p.at("to", |p| p.add(FieldCode::InvalidValue));
            });
        }
        if let Some(types) = &self.types {
            problems.list("types", types, MAX_TYPES);
            let mut seen = HashSet::new();
            let again = types.iter().position(|one| !seen.insert(&one.r#type));
            if let Some(i) = again {
                problems.at("types", |p| p.at(i, |p| p.add(FieldCode::InvalidValue)));
            }
        }
    }
}

impl Check for TypeChannels {
    fn check(&self, problems: &mut Problems) {
        problems.at("type", |p| p.key(&self.r#type, 64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Until when it is quiet, by UTC, for somebody in Paris.
    fn until(from: i16, to: i16, now: &str) -> Option<String> {
        let time = |minutes| ClockTime::of_minutes(minutes).expect("a time");
        let preferences = NotificationPreferences {
            time_zone: Tz::Europe__Paris,
            language: Language::Fr,
            quiet_hours: Some(QuietHours {
                from: time(from),
                to: time(to),
            }),
            channels: Channels {
                in_app: true,
                email: true,
            },
            types: Vec::new(),
        };
        let now = format!("{now}Z").parse().expect("a time");
        let until = preferences.quiet_until(now)?;
        Some(until.format("%Y-%m-%dT%H:%M:%S").to_string())
    }

    #[test]
    fn it_is_quiet_by_the_persons_own_clock_also_over_midnight() {
        let night = |now| until(22 * 60, 7 * 60, now);
        assert_eq!(night("2026-01-10T20:59:59"), None);
        let morning = Some("2026-01-11T06:00:00".to_owned());
        assert_eq!(night("2026-01-10T21:00:00"), morning);
        assert_eq!(night("2026-01-10T23:30:00"), morning);
        assert_eq!(night("2026-01-11T05:59:59"), morning);
        assert_eq!(night("2026-01-11T06:00:00"), None);
        // In summer an hour earlier.
        let morning = Some("2026-07-11T05:00:00".to_owned());
        assert_eq!(night("2026-07-10T20:00:00"), morning);
        let noon = |now| until(12 * 60, 14 * 60, now);
        assert_eq!(noon("2026-01-10T10:59:59"), None);
        let over = Some("2026-01-10T13:00:00".to_owned());
        assert_eq!(noon("2026-01-10T11:00:00"), over);
        assert_eq!(noon("2026-01-10T13:00:00"), None);
    }

    #[test]
    fn where_clocks_are_put_forward_it_ends_at_the_first_moment_there_is() {
        // 2026-03-29: at 02:00 it is 03:00.
        let end = Some("2026-03-29T01:00:00".to_owned());
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-03-28T22:00:00"), end);
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-03-29T00:59:59"), end);
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-03-29T01:00:00"), None);
        // A night of nine hours less one.
        let morning = Some("2026-03-29T05:00:00".to_owned());
        assert_eq!(until(22 * 60, 7 * 60, "2026-03-28T21:00:00"), morning);
    }

    #[test]
    fn where_clocks_are_put_back_it_does_not_end_in_the_past() {
        // 2026-10-25: at 03:00 it is 02:00 again.
        let first = Some("2026-10-25T00:30:00".to_owned());
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-10-24T22:00:00"), first);
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-10-25T00:30:00"), None);
        // The clock shows 02:10 for the second time.
        let second = Some("2026-10-25T01:30:00".to_owned());
        assert_eq!(until(22 * 60, 2 * 60 + 30, "2026-10-25T01:10:00"), second);
        let morning = Some("2026-10-25T06:00:00".to_owned());
        assert_eq!(until(22 * 60, 7 * 60, "2026-10-25T00:30:00"), morning);
    }

    #[test]
    fn a_time_of_the_clock_is_written_in_one_way() {
        for (text, is_read) in [
            ("00:00", true),
            ("23:59", true),
            ("24:00", false),
            ("7:00", false),
            ("07:0", false),
            ("07:00:00", false),
            ("+7:00", false),
            (" 7:00", false),
            ("", false),
        ] {
            let json = serde_json::Value::from(text);
            let read = serde_json::from_value::<ClockTime>(json.clone());
            assert_eq!(read.is_ok(), is_read, "{text:?}");
            if let Ok(time) = read {
                assert_eq!(serde_json::to_value(time).expect("JSON"), json);
                assert_eq!(ClockTime::of_minutes(time.minutes()), Some(time));
            }
        }
    }
}
