//! Events as frames of a stream: one in, one out, whatever people wrote. The reader below goes by the HTML standard's
//! rules ("Interpreting an event stream"), which the web platform tests hold browsers to.

use causerie::model::{
    Cursor, Epoch, Event, EventKind, EventOf, Frame, Message, MessageData, MessageType, Time, User,
};
use serde_json::json;

#[derive(Debug, Default, PartialEq)]
struct Heard {
    id: String,
    event: String,
    data: String,
}

/// Every event of a stream's bytes.
fn listen(bytes: &[u8]) -> Vec<Heard> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let (mut heard, mut now) = (Vec::new(), Heard::default());
    // What is after the last line break is no line yet.
    let lines = text
        .split_inclusive('\n')
        .filter_map(|line| line.strip_suffix('\n'));
    for line in lines {
        if line.is_empty() {
            if !now.data.is_empty() {
                now.data.pop();
                heard.push(now);
            }
            now = Heard {
                id: heard
                    .last()
                    .map_or(String::new(), |one: &Heard| one.id.clone()),
                ..Heard::default()
            };
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => now.data.push_str(&format!("{value}\n")),
            "event" => value.clone_into(&mut now.event),
            "id" if !value.contains('\0') => value.clone_into(&mut now.id),
            _ => {}
        }
    }
    heard
}

fn message(texts: &[String; 4]) -> Event {
    let [content, id, name, key] = texts.clone();
    let sender = User {
        id: id.clone(),
        name: Some(name.clone()),
        image_url: None,
        role: Some(key.clone()),
        is_deleted: false,
    };
    let now = Time(chrono::Utc::now());
    let message = Message {
        id: uuid::Uuid::now_v7(),
        conversation_id: uuid::Uuid::nil(),
        seq: 1,
        r#type: MessageType::User,
        sender: Some(sender),
        content: Some(content),
        attachments: Vec::new(),
        reply_to: None,
        notice: None,
        client_message_id: Some(key.clone()),
        metadata: json!({ key: name }),
        created_at: now,
        edited_at: None,
        is_deleted: false,
        status: None,
        changed_position: 0,
    };
    Event::MessageCreated(EventOf {
        cursor: "c".to_owned(),
        conversation_id: None,
        actor_id: Some(id),
        occurred_at: now,
        data: MessageData { message },
    })
}

#[test]
fn one_event_is_one_event_whatever_it_says() {
    let epoch = Epoch::random();
    bolero::check!()
        .with_type::<([String; 4], u64)>()
        .for_each(|(texts, position)| {
            let position = (position >> 1).cast_signed();
            // What would end a line, a field or an event, if anything could.
            let forged = texts
                .clone()
                .map(|text| format!("{text}\n\nid: forged\r\ndata: forged\r\r{text}\u{2028}\0"));
            let mut stream = Vec::new();
            let mut expected = Vec::new();
            for (n, texts) in [texts, &forged].into_iter().enumerate() {
                let (event, position) = (message(texts), position.saturating_sub(1) + n as i64);
                let frame = Frame::new(epoch, position, EventKind::MessageCreated, &event)
                    .expect("a frame");
                assert_eq!(frame.position(), position);
                stream.extend_from_slice(frame.sse());
                let data = serde_json::to_string(&event).expect("JSON");
                assert_eq!(frame.json(), data.as_bytes());
                let id = Cursor { epoch, position }.to_string();
                expected.push(Heard {
                    id,
                    event: "message.created".to_owned(),
                    data,
                });
            }
            assert_eq!(listen(&stream), expected);
        });
}
