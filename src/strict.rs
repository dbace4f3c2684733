//! What Rocket would read into a request that is not there.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::form::Form;
use rocket::http::{Header, Method};
use rocket::{Data, Request};

use crate::config::Config;

/// What Rocket looks at for the method of a form, and no more.
const PEEKED: usize = "_method=delete".len();

/// Before every other fairing that looks at a request.
pub struct Strict;

#[rocket::async_trait]
impl Fairing for Strict {
    fn info(&self) -> Info {
        Info {
            name: "a request is what it says",
            kind: Kind::Request,
        }
    }

    async fn on_request(&self, request: &mut Request<'_>, data: &mut Data<'_>) {
        // Whoever has the link of an e-mail may turn them off, from wherever: a browser whose page may not say where it
        // comes from sends `null`, and a mail provider what it likes.
        if request.uri().path() == "/v1/unsubscribe" && request.headers().contains("Origin") {
            let config = request.rocket().state::<Config>();
            if let Some(own) = config.and_then(|config| config.mail.public_origin()) {
                request.replace_header(Header::new("Origin", own));
            }
        }
        // Of a POST whose form begins with `_method=delete` Rocket makes a DELETE (rocket 0.5, `preprocess_request`).
        // Here nothing but the method says the method, and who guards a change by it (`auth`, a proxy) is not told
        // another one. What came as a DELETE with such a body looks the same by now: no route takes either.
        let is_of_form = request.content_type().is_some_and(|kind| kind.is_form())
            && request.method() != Method::Post
            && named(data.peek(PEEKED).await) == Some(request.method());
        if is_of_form {
            request.set_method(Method::Trace);
        }
    }
}

/// The method that the first field of a form names, as Rocket reads it.
fn named(start: &[u8]) -> Option<Method> {
    let start = std::str::from_utf8(start).ok()?;
    let first = Form::<()>::values(start).next()?;
    let value = (first.name == "_method").then_some(first.value)?;
    value.parse().ok()
}
