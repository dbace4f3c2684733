//! What a browser may do with an answer that it shows as a page: nothing, unless the answer itself says otherwise. And an
//! address of ours, which may hold a ticket, is told to no other site.

use rocket::fairing::AdHoc;
use rocket::http::{Header, Status};

/// `default-src` stands for `object-src` and every other kind (ASVS 5.0, 3.4.3 and 3.4.6).
const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// After everything that answers.
pub fn for_browsers() -> AdHoc {
    AdHoc::on_response("headers for browsers", |_, response| {
        Box::pin(async move {
            // A browser keeps those of the answer that it has, and idle polls stay small.
            if response.status() == Status::NotModified {
                return;
            }
            if !response.headers().contains("Content-Security-Policy") {
                response.set_header(Header::new("Content-Security-Policy", NOTHING));
            }
            response.set_header(Header::new("Referrer-Policy", "no-referrer"));
        })
    })
}
