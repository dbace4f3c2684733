//! Metadata: an object of the client's own, given back as JSON understands it.

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{FieldCode, Problems};

/// Most bytes of it, as JSON.
const MAX: usize = 4096;

impl Problems {
    /// A JSON object of at most 4 KiB, with no NUL in any of its texts.
    pub fn metadata(&mut self, value: &Map<String, Value>) {
        let text = serde_json::to_string(value).unwrap_or_default();
        if text.len() > MAX {
            self.over(FieldCode::TooLong, MAX);
        } else if value
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value))
        {
            self.add(FieldCode::NulCharacter);
        }
    }
}

/// Whether any text in it holds what Postgres cannot store.
fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(has_nul),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| key.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// For `deserialize_with`: an object that names nothing twice, at any depth. Of two values a parser keeps the first,
/// another the last: what one checks, the next would not see.
pub fn unambiguous<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Map<String, Value>>, D::Error> {
    Ok(Option::<Object>::deserialize(from)?.map(|object| object.0))
}

struct Object(Map<String, Value>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Object, A::Error> {
                fields(from).map(Object)
            }
        }
        from.deserialize_map(Fields)
    }
}

fn fields<'de, A: MapAccess<'de>>(mut from: A) -> Result<Map<String, Value>, A::Error> {
    let mut map = Map::new();
    while let Some(key) = from.next_key::<String>()? {
        if map.contains_key(&key) {
            return Err(A::Error::custom(format_args!("duplicate field `{key}`")));
        }
        let value = from.next_value_seed(Once)?;
        map.insert(key, value);
    }
    Ok(map)
}

/// Reads any value as serde_json does, but for names that stand there twice.
struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element_seed(Once)? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, from: A) -> Result<Value, A::Error> {
        fields(from).map(Value::Object)
    }
}
