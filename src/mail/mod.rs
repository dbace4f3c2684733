//! E-mail: written (`templates`), addressed and signed for (`unsubscribe`), and handed to the SMTP server (`connection`).
//! Neither an address nor a text of one is in any log.

mod connection;
mod message;
mod templates;
mod unsubscribe;

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use moka::sync::Cache;
use uuid::Uuid;

use self::connection::Connections;
use crate::config::Mail;

pub use templates::{Written, digest, unsubscribe_page, write};
pub use unsubscribe::Seal;

/// One e-mail to one person.
pub struct Email {
    /// The job's: what a repeated one is known by.
    pub id: Uuid,
    pub to: String,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Where it can be turned off, by one click.
    pub unsubscribe: Option<String>,
}

/// Why it was not sent. The texts name what the server said, for whoever asked for the e-mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may go through later.
    Temporary(String),
    /// It never will.
    Permanent(String),
    /// The server has it, or has not: it has not said. Sent again, it may be there twice.
    Unknown(String),
}

impl Failure {
    /// Before the message was named at all, so that it is not to blame: a wrong password is mended, and nothing is lost.
    fn of_connection(error: Error) -> Self {
        Self::Temporary(said(&error))
    }

    fn of_message(error: Error) -> Self {
        let code = error.status().map(u16::from);
        match error.is_permanent() && !code.is_some_and(|code| OF_THE_LOGIN.contains(&code)) {
            true => Self::Permanent(said(&error)),
            false => Self::Temporary(said(&error)),
        }
    }

    /// After the whole message was handed over.
    fn of_the_end(error: Error) -> Self {
        match error.status() {
            Some(_) => Self::of_message(error),
            None => Self::Unknown(said(&error)),
        }
    }
}

/// "Log in first" and the like (RFC 4954): said of who sends, at whichever command.
const OF_THE_LOGIN: [u16; 4] = [530, 534, 535, 538];

/// In one line that Postgres can store.
fn said(error: &Error) -> String {
    let clean = |c: char| if c.is_control() { ' ' } else { c };
    error.to_string().chars().map(clean).take(500).collect()
}

/// So long an e-mail that the server has taken is known here, if its job's end could not be noted.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Sends by the server of the settings.
pub struct Mailer {
    connections: Connections,
    from: Mailbox,
    public_url: String,
    site_url: Option<String>,
    patience: Duration,
    taken: Cache<Uuid, ()>,
}

impl Mailer {
    pub fn new(mail: Mail) -> Result<Self, Error> {
        Ok(Self {
            connections: Connections::new(mail.smtp)?,
            from: mail.from,
            public_url: mail.public_url,
            site_url: mail.site_url,
            patience: Duration::from_secs(mail.timeout_secs),
            taken: Cache::builder()
                .max_capacity(100_000)
                .time_to_live(REMEMBERED)
                .build(),
        })
    }

    /// The longest that one attempt takes.
    pub fn longest(&self) -> Duration {
        self.patience * (1 + connection::LAST_WORD)
    }

    /// Where a person turns e-mails off by this token.
    pub fn unsubscribe_url(&self, token: &str) -> String {
        format!("{}/v1/unsubscribe?token={token}", self.public_url)
    }

    /// Where a link leads from outside of the site: one without a host nowhere, unless it is known where the site is.
    pub fn absolute(&self, link: Option<String>) -> Option<String> {
        let link = link?;
        match link.starts_with('/') {
            true => self.site_url.as_ref().map(|site| format!("{site}{link}")),
            false => Some(link),
        }
    }

    /// Done when the server has said that it has the message. Once it has, it is not given the same one again.
    pub async fn send(&self, email: &Email) -> Result<(), Failure> {
        if self.taken.contains_key(&email.id) {
            return Ok(());
        }
        let message = message::written(&self.from, email).map_err(Failure::Permanent)?;
        let (envelope, bytes) = (message.envelope(), message.formatted());
        self.connections
            .send(envelope, &bytes, self.patience)
            .await?;
        self.taken.insert(email.id, ());
        Ok(())
    }
}
