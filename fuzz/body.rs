//! Bodies: whatever comes, a refusal says where, and what is accepted says again what was sent.

use std::fmt::Debug;

use causerie::error::{Code, Error};
use causerie::model::{
    ChangedConversation, ChangedMember, Check, EditedMessage, FieldCode, LinkHosts,
    NewConversation, NewMembers, NewMessage, Preferences, Profile,
};
use causerie::routes::{DeliveredUpTo, Profiles, ReadUpTo, TypingNow, read_json};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::made_up::{json, object};

/// A refusal is one of two: no JSON, or fields, each of which is there or is what lacks.
fn is_honest(error: &Error, body: Option<&Value>) {
    let Some(body) = body else {
        assert_eq!(error.code, Code::MalformedJson, "what is no JSON");
        return;
    };
    assert_eq!(error.code, Code::InvalidBody, "{body}");
    assert!(!error.fields.is_empty(), "{body}");
    for field in &error.fields {
        let pointer = &field.pointer;
        let is_there = body.pointer(pointer).is_some();
        let parent = pointer
            .rsplit_once('/')
            .and_then(|(parent, _)| body.pointer(parent));
        let lacks =
            field.code == FieldCode::Required && parent.is_some_and(|parent| !parent.is_array());
        assert!(is_there || lacks, "{pointer} {:?} of {body}", field.code);
    }
}

fn read<T: DeserializeOwned + Check>(bytes: &[u8]) -> Option<T> {
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    match read_json::<T>(bytes, &LinkHosts::default()) {
        Ok(read) => {
            assert!(
                body.is_some_and(|body| body.is_object() == T::IS_OBJECT),
                "{}",
                String::from_utf8_lossy(bytes)
            );
            Some(read)
        }
        Err(error) => {
            is_honest(&error, body.as_ref());
            None
        }
    }
}

fn every_kind(bytes: &[u8]) {
    read::<NewConversation>(bytes);
    read::<ChangedConversation>(bytes);
    read::<NewMembers>(bytes);
    read::<ChangedMember>(bytes);
    read::<EditedMessage>(bytes);
    read::<Preferences>(bytes);
    read::<Profile>(bytes);
    read::<Profiles>(bytes);
    read::<DeliveredUpTo>(bytes);
    read::<ReadUpTo>(bytes);
    read::<TypingNow>(bytes);
    if let Some(message) = read::<NewMessage>(bytes) {
        says_again(bytes, &message);
    }
}

/// Everything that was sent, and beside it nothing but what stands for nothing.
fn says_again(bytes: &[u8], read: &(impl serde::Serialize + Debug)) {
    let sent: Value = serde_json::from_slice(bytes).expect("it was read");
    let said = serde_json::to_value(read).expect("JSON");
    contains(&said, &sent);
}

fn contains(said: &Value, sent: &Value) {
    match (said, sent) {
        (Value::Object(said), Value::Object(sent)) => {
            for (name, value) in sent {
                contains(said.get(name).unwrap_or(&Value::Null), value);
            }
            let more = said.iter().filter(|(name, _)| !sent.contains_key(*name));
            for (name, value) in more {
                let is_nothing = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                assert!(is_nothing, "{name} was not sent: {value}");
            }
        }
        (Value::Array(said), Value::Array(sent)) => {
            assert_eq!(said.len(), sent.len());
            said.iter()
                .zip(sent)
                .for_each(|(said, sent)| contains(said, sent));
        }
        _ => assert_eq!(said, sent),
    }
}

#[test]
fn a_body_is_read_as_it_was_meant_or_refused_where_it_is_wrong() {
    bolero::check!().with_type::<Vec<u8>>().for_each(|bytes| {
        let mut drawn = bytes.iter().copied();
        let made = [object(&mut drawn, 3), json(&mut drawn, 4)];
        for body in made {
            every_kind(body.to_string().as_bytes());
        }
    });
}

#[test]
fn noise_is_refused_as_noise() {
    bolero::check!()
        .with_type::<(Vec<u8>, Vec<u8>)>()
        .for_each(|(noise, drawn)| {
            every_kind(noise);
            let mut text = object(&mut drawn.iter().copied(), 3)
                .to_string()
                .into_bytes();
            let middle = text.len() / 2;
            text.splice(middle..middle, noise.iter().copied());
            every_kind(&text);
        });
}

#[test]
fn a_message_says_again_what_was_sent() {
    type Drawn = (String, Option<String>, Vec<u8>);
    bolero::check!().with_type::<Drawn>().for_each(|(content, key, metadata)| {
        let metadata = object(&mut metadata.iter().copied(), 3);
        let body = serde_json::json!({ "content": content, "clientMessageId": key, "metadata": metadata });
        let text = body.to_string();
        if let Some(message) = read::<NewMessage>(text.as_bytes()) {
            assert_eq!(message.content, *content);
            says_again(text.as_bytes(), &message);
        }
    });
}
