//! Connections to the SMTP server: opened when they are needed, kept for the next e-mail. lettre has a pool too; it takes a
//! connection back from a send that was given up in the middle of a message, and writes the next one behind it.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::Failure;
use crate::config::{Security, Smtp};

/// Servers close what is quiet for some minutes.
const KEPT: Duration = Duration::from_secs(60);
const KEPT_AT_MOST: usize = 8;
/// So many times as long as for all that goes before: programs that look for viruses take their time.
pub const LAST_WORD: u32 = 4;

pub struct Connections {
    smtp: Smtp,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
}

impl Connections {
    pub fn new(smtp: Smtp) -> Result<Self, Error> {
        // As sockets and certificates name it.
        let host = smtp.host.trim_matches(['[', ']']).to_owned();
        let tls = match smtp.security {
            Security::Plain => None,
            _ => Some(TlsParameters::new(host.clone())?),
        };
        let hello = smtp.hello.clone().map(ClientId::Domain);
        Ok(Self {
            tls,
            hello: hello.unwrap_or_default(),
            idle: Mutex::default(),
            smtp: Smtp { host, ..smtp },
        })
    }

    /// Hands one message to the server, within `patience`; and for its last word waits longer, for a server that has the
    /// whole message may well deliver it. What is not over by then is cut off: the connection goes with it.
    pub async fn send(
        &self,
        envelope: &Envelope,
        message: &[u8],
        patience: Duration,
    ) -> Result<(), Failure> {
        let begun = async {
            let mut connection = self.connection().await.map_err(Failure::of_connection)?;
            begin(&mut connection, envelope).await?;
            Ok(connection)
        };
        let silent = |waited: Duration| {
            let seconds = waited.as_secs();
            format!("the SMTP server did not answer within {seconds} s")
        };
        let begun = timeout(patience, begun).await;
        let mut connection = begun.unwrap_or_else(|_| Err(Failure::Temporary(silent(patience))))?;
        let patience = patience * LAST_WORD;
        let ended = timeout(patience, connection.message(message)).await;
        let said = ended.map_err(|_| Failure::Unknown(silent(patience)))?;
        is(said.map_err(Failure::of_the_end)?, 200..300)?;
        self.keep(connection);
        Ok(())
    }

    async fn connection(&self) -> Result<AsyncSmtpConnection, Error> {
        while let Some(mut kept) = self.take() {
            if kept.test_connected().await {
                return Ok(kept);
            }
        }
        self.open().await
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Error> {
        let Smtp { host, port, .. } = &self.smtp;
        let wrapped = self.tls.clone();
        let wrapped = wrapped.filter(|_| self.smtp.security == Security::Wrapped);
        let address = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, None, &self.hello, wrapped, None).await?;
        let upgrades = match self.smtp.security {
            Security::StartTls => true,
            Security::Opportunistic => connection.can_starttls(),
            Security::Plain | Security::Wrapped => false,
        };
        if let Some(tls) = self.tls.clone().filter(|_| upgrades) {
            connection.starttls(tls, &self.hello).await?;
        }
        if let Some((user, password)) = self.smtp.login.clone() {
            let credentials = Credentials::new(user, password);
            let known = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&known, &credentials).await?;
        }
        Ok(connection)
    }

    /// The newest that is not too old.
    fn take(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < KEPT);
        idle.pop().map(|(_, connection)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT_AT_MOST {
            idle.push((Instant::now(), connection));
        }
    }
}

/// Up to where the message itself goes. What the server refuses ends here: the connection is not used again, and its last
/// word is what counts.
async fn begin(connection: &mut AsyncSmtpConnection, envelope: &Envelope) -> Result<(), Failure> {
    // Before anybody is named it is about who sends.
    let from = Mail::new(envelope.from().cloned(), Vec::new());
    let said = connection.command(from).await;
    is(said.map_err(Failure::of_connection)?, 200..300)?;
    for to in envelope.to() {
        let said = connection.command(Rcpt::new(to.clone(), Vec::new())).await;
        is(said.map_err(Failure::of_message)?, 200..300)?;
    }
    let said = connection.command(Data).await;
    is(said.map_err(Failure::of_message)?, 354..355)
}

/// Each command has answers of its own: somebody who put one in before the connection was encrypted is found here, for then
/// every answer is that to the command before.
fn is(said: Response, codes: Range<u16>) -> Result<(), Failure> {
    let code = u16::from(said.code());
    match codes.contains(&code) {
        true => Ok(()),
        false => Err(Failure::Temporary(format!(
            "the SMTP server answered {code} out of turn"
        ))),
    }
}
