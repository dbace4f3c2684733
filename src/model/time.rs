//! Times as the API shows them: RFC 3339, UTC, milliseconds. Shown, never used as a position.

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, Utc};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// A moment. Postgres keeps microseconds; only milliseconds are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, sqlx::Type, ToSchema)]
#[serde(transparent)]
#[sqlx(transparent)]
#[schema(value_type = String, format = DateTime, example = "2026-03-01T09:30:00.000Z")]
pub struct Time(pub DateTime<Utc>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// For a field: a moment as RFC 3339 writes it, to the millisecond, or null. chrono by itself takes more than that.
pub fn rfc3339<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| parsed(&text)).transpose()
}

/// The same, for a field that must be there.
pub fn moment<'de, D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
    parsed(&String::deserialize(from)?)
}

fn parsed<E: Error>(text: &str) -> Result<Time, E> {
    let wrong = |_| E::custom("no moment of RFC 3339");
    let time = DateTime::parse_from_rfc3339(text).map_err(wrong)?.to_utc();
    // In UTC, too, a year of four digits: as it is shown.
    match (1..=9999).contains(&time.year()) {
        true => Ok(Time(time.trunc_subsecs(3))),
        false => Err(E::custom("no moment of RFC 3339")),
    }
}
