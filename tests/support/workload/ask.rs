//! Asking for a write, again and again while nobody says what became of it.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use super::{Run, asks_to_retry};
use crate::support::Person;
use crate::support::history::{Done, Moment};

/// How often a write is tried again at once when its answer does not say what became of it.
const RETRIES: usize = 3;
/// The longest pause before it is tried again, where the plan is patient.
const PAUSE: Duration = Duration::from_millis(400);

/// A write, and of whom and where it is asked. Tries go to one instance: there they are answered in their order.
pub(super) struct Ask<'a> {
    pub by: &'a Person,
    pub instance: usize,
    pub method: Method,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    /// What is written to, where not being a member of it is a good reason to be told 404.
    pub conversation: Option<&'a str>,
}

/// What became of it, and the answer's body.
pub(super) struct Asked {
    pub invoked: Moment,
    pub done: Done,
    pub body: Value,
}

impl Run {
    pub(super) async fn ask(&self, ask: &Ask<'_>) -> Asked {
        let invoked = self.now();
        let mut done = Done::Ambiguous;
        for n in 0.. {
            if n > 0 && !self.tries_again(n, invoked).await {
                break;
            }
            let asked = self.now();
            let (status, body) = self.once(ask).await;
            match status {
                200..300 => {
                    let at = self.now();
                    let took = at - asked;
                    done = Done::Acked { at, took };
                    return Asked {
                        invoked,
                        done,
                        body,
                    };
                }
                400..500 => {
                    // Of the first try only: after an error the earlier one may have been stored.
                    if n == 0 {
                        done = Done::Failed;
                    }
                    break;
                }
                _ => {}
            }
        }
        let body = Value::Null;
        Asked {
            invoked,
            done,
            body,
        }
    }

    /// The status, 0 without one, and the body. What is neither done nor a page is counted.
    pub(super) async fn once(&self, ask: &Ask<'_>) -> (u16, Value) {
        let Ask {
            by, instance, path, ..
        } = *ask;
        let mut request = self.request(by, instance, ask.method.clone(), path);
        if let Some(body) = ask.body {
            request = request.json(body);
        }
        let before = ask.conversation.and_then(|of| self.is_in(of, &by.id));
        let (mut status, mut body, mut retry) = (0, Value::Null, false);
        if let Ok(answer) = request.timeout(Duration::from_secs(30)).send().await {
            (status, retry) = (answer.status().as_u16(), asks_to_retry(&answer));
            // An answer that is cut off is none.
            match answer
                .text()
                .await
                .map(|text| (serde_json::from_str(&text), text))
            {
                Ok((Ok(json), _)) => body = json,
                Ok((Err(_), text)) if status == 204 && text.is_empty() => {}
                _ => status = 0,
            }
        }
        // Whoever was in it all the time must be let in.
        let was_in = || {
            let now = ask.conversation.and_then(|of| self.is_in(of, &by.id));
            before.is_some() && before == now
        };
        let is_meant = match status {
            // A horizon beyond the newest message is the writer's own mistake.
            422 => path.ends_with("/read"),
            404 => ask.conversation.is_some() && !was_in(),
            _ => (200..300).contains(&status),
        };
        if !is_meant {
            self.history().other_answer(status, retry, path);
        }
        (status, body)
    }

    /// Whether what was first tried at `invoked` is tried for the `n`th time more, after a pause if the plan has time.
    pub(super) async fn tries_again(&self, n: usize, invoked: Moment) -> bool {
        if self.plan.retry_for.is_zero() {
            return n <= RETRIES;
        }
        tokio::time::sleep((Duration::from_millis(50) * n as u32).min(PAUSE)).await;
        self.now() < invoked + self.plan.retry_for
    }
}
