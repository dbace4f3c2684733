//! A message as it travels: headers and parts. Everything in it is ASCII, encoded where it has to be.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use super::Email;

/// The message, or why there cannot be one.
pub fn written(from: &Mailbox, email: &Email) -> Result<Message, String> {
    let to = email.to.parse().map_err(|_| "the address is none")?;
    // The same for each attempt: whoever gets it twice can see that it is one.
    let id = format!("<{}@{}>", email.id, from.email.domain());
    let mut message = Message::builder()
        .message_id(Some(id))
        .date_now()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .raw_header(subject(&email.subject))
        .raw_header(plain("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(url) = &email.unsubscribe {
        message = message
            .raw_header(plain("List-Unsubscribe", format!("<{url}>")))
            .raw_header(plain(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned(),
            ));
    }
    let lines = |text: &Option<String>| text.as_deref().map(whole_lines);
    let built = match (lines(&email.text), lines(&email.html)) {
        (Some(text), Some(html)) => {
            message.multipart(MultiPart::alternative_plain_html(text, html))
        }
        (Some(text), None) => message.singlepart(SinglePart::plain(text)),
        (None, Some(html)) => message.singlepart(SinglePart::html(html)),
        (None, None) => return Err("there is nothing in it".to_owned()),
    };
    built.map_err(|error| error.to_string())
}

/// A carriage return alone ends a line for some servers, and for others it does not: none is sent.
fn whole_lines(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// As it is, or encoded: also where it looks as if it were, for it would be read as something else.
fn subject(text: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    if !text.contains("=?") {
        return HeaderValue::new(name, text.to_owned());
    }
    let (mut words, mut word) = (Vec::new(), String::new());
    for c in text.chars() {
        // Of at most 75 characters each, in whole characters (RFC 2047).
        if word.len() + c.len_utf8() > 45 {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?b?{}?=", STANDARD.encode(word)));
    let encoded = words.collect::<Vec<_>>().join("\r\n ");
    HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), encoded)
}

/// Of our own making, in ASCII: a link is neither folded nor encoded, for those who look for it read it as it stands.
fn plain(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}
