//! A message as it travels: headers and parts. Everything in it is ASCII, encoded where it has to be.

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
        .subject(email.subject.clone())
        .raw_header(plain("Auto-Submitted", "auto-generated".to_owned()));
    if let Some(url) = &email.unsubscribe {
        message = message
            .raw_header(plain("List-Unsubscribe", format!("<{url}>")))
            .raw_header(plain(
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned(),
            ));
    }
    let built = match (email.text.clone(), email.html.clone()) {
        (Some(text), Some(html)) => {
            message.multipart(MultiPart::alternative_plain_html(text, html))
        }
        (Some(text), None) => message.singlepart(SinglePart::plain(text)),
        (None, Some(html)) => message.singlepart(SinglePart::html(html)),
        (None, None) => return Err("there is nothing in it".to_owned()),
    };
    built.map_err(|error| error.to_string())
}

/// Of our own making, in ASCII: a link is neither folded nor encoded, for those who look for it read it as it stands.
fn plain(name: &'static str, value: String) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.clone(), value)
}
