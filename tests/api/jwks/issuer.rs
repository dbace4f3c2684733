//! An issuer of one's own, who says what a test wants.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::OwnedMutexGuard;

use crate::forged::keys::{Pair, set};
use crate::support::eventually;

/// What it answers, head and body, and how often it was asked.
#[derive(Clone)]
pub struct Issuer {
    pub url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<usize>>,
    /// Who is asked first waits for it with what was true then.
    held: Arc<tokio::sync::Mutex<()>>,
}

impl Issuer {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let issuer = Self {
            url: format!("http://{address}/keys"),
            answer: Arc::default(),
            asked: Arc::default(),
            held: Arc::default(),
        };
        let serving = issuer.clone();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let serving = serving.clone();
                tokio::spawn(async move {
                    let mut head = [0; 4096];
                    let _ = client.read(&mut head).await;
                    let answer = serving.answer.lock().expect("an answer").clone();
                    let is_first = {
                        let mut asked = serving.asked.lock().expect("a count");
                        *asked += 1;
                        *asked == 1
                    };
                    if is_first {
                        let _ = serving.held.lock().await;
                    }
                    let _ = client.write_all(answer.as_bytes()).await;
                });
            }
        });
        issuer
    }

    /// The first answer is not given before this is dropped.
    pub async fn hold(&self) -> OwnedMutexGuard<()> {
        self.held.clone().lock_owned().await
    }

    pub fn publish(&self, pairs: &[&Pair]) {
        self.say("200 OK", "", &set(pairs).to_string());
    }

    pub fn say(&self, status: &str, header: &str, body: &str) {
        *self.answer.lock().expect("an answer") = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{header}\r\n{body}",
            body.len()
        );
    }

    pub fn asked(&self) -> usize {
        *self.asked.lock().expect("a count")
    }

    /// Until it was asked so many times more.
    pub async fn is_asked(&self, times: usize) {
        let wanted = self.asked() + times;
        eventually("the issuer to be asked", async || {
            (self.asked() >= wanted).then_some(())
        })
        .await;
    }

    pub fn settings(&self, every: u64) -> String {
        format!(
            r#"jwks_secs={every},keys=[{{jwks="{}",algorithms=["RS256"]}}]"#,
            self.url
        )
    }
}
