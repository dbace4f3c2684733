//! What bolero draws, made into what gets deeper than noise: texts that were changed a little, and JSON of the words
//! that the service knows.

use serde_json::{Map, Number, Value};

/// One change of a text: where, how, and with what.
pub type Change = (u16, u8, u8);

/// `text` with characters put in, taken out, exchanged or doubled.
pub fn changed(text: &str, changes: &[Change], alphabet: &[char]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    // Few, and often at the ends: what is far from the text is refused by everything.
    let few = changes
        .first()
        .map_or(0, |(_, how, _)| 1 + usize::from(how / 5 % 3));
    for (place, how, what) in changes.iter().take(few) {
        let at = match place % 8 {
            0 => 0,
            1 | 2 => text.len(),
            _ => usize::from(place / 8) % (text.len() + 1),
        };
        let new = alphabet[usize::from(*what) % alphabet.len()];
        match how % 5 {
            0 => text.insert(at, new),
            1 if at < text.len() => drop(text.remove(at)),
            2 if at < text.len() => text[at] = new,
            3 if at < text.len() => text.insert(at, text[at]),
            _ => text.truncate(at.max(1)),
        }
    }
    text.into_iter().collect()
}

/// Names and texts that mean something somewhere, or nearly.
const WORDS: &[&str] = &[
    "content",
    "attachments",
    "clientMessageId",
    "replyToId",
    "metadata",
    "url",
    "type",
    "fileName",
    "fileSize",
    "memberIds",
    "members",
    "recipientId",
    "userId",
    "role",
    "subject",
    "context",
    "organizationId",
    "firstMessage",
    "systemMessage",
    "key",
    "id",
    "title",
    "imageUrl",
    "startsAt",
    "unique",
    "closed",
    "status",
    "cursor",
    "upTo",
    "isTyping",
    "presenceHidden",
    "receiptsOff",
    "name",
    "PRIVATE",
    "GROUP",
    "MEMBER",
    "ADMIN",
    "ACTIVE",
    "ARCHIVED",
    "https://a.example/b",
    "http://a",
    "2026-03-01T09:30:00.000Z",
    "0198c0de-0000-7000-8000-000000000000",
    "c00abcdef-1",
    "",
    " ",
    "\0",
    "\u{200b}",
    "a/b~c",
    "é\u{301}",
    "\u{1f600}",
    "x",
];

/// JSON out of bytes: the same bytes make the same.
pub fn json(bytes: &mut impl Iterator<Item = u8>, depth: u8) -> Value {
    let mut next = || bytes.next().unwrap_or(0);
    match (next() % 10, depth) {
        (0, _) => Value::Null,
        (1, _) => Value::Bool(next() % 2 == 0),
        (2, _) => Value::Number(Number::from(i64::from(next()) - 8)),
        (3..=5, _) | (_, 0) => Value::String(WORDS[usize::from(next()) % WORDS.len()].to_owned()),
        (6, _) => {
            let length = next() % 4;
            (0..length).map(|_| json(bytes, depth - 1)).collect()
        }
        _ => object(bytes, depth - 1),
    }
}

/// An object out of bytes.
pub fn object(bytes: &mut impl Iterator<Item = u8>, depth: u8) -> Value {
    let length = bytes.next().unwrap_or(0) % 5;
    let mut map = Map::new();
    for _ in 0..length {
        let name = WORDS[usize::from(bytes.next().unwrap_or(0)) % WORDS.len()].to_owned();
        map.insert(name, json(bytes, depth));
    }
    Value::Object(map)
}
