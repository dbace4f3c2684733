//! What Rocket would read into a request that is not there.

use rocket::fairing::{Fairing, Info, Kind};
use rocket::http::Method;
use rocket::{Data, Request};

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
        // To Rocket a form that says `_method=delete` is a DELETE. Here nothing but the method says the method, and who
        // guards a change by it (`auth`, a proxy) is not told another one.
        if request.content_type().is_some_and(|kind| kind.is_form()) {
            let start = data.peek(PEEKED).await;
            if start.windows(7).any(|field| field == b"_method") {
                request.set_method(Method::Post);
            }
        }
    }
}
