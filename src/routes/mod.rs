//! HTTP. One file per noun: parse, ask the store or the live part, answer.

mod body;
mod conversations;
mod docs;
mod events;
mod feed;
mod follow;
mod health;
mod me;
mod messages;
mod page;
mod pages;
mod params;
mod read;
mod respond;
mod sse;
mod stream;
mod sync;
mod tickets;
mod unread;
mod users;

use rocket::fairing::AdHoc;
use rocket::routes;

pub use docs::openapi;

/// Every address of the service. A test holds this table, `openapi/openapi.yaml` and the running service together.
pub fn stage() -> AdHoc {
    AdHoc::on_ignite("routes", async |rocket| {
        rocket
            .register("/", rocket::catchers![crate::error::catch])
            .mount(
                "/v1",
                routes![
                    me::get,
                    users::get,
                    users::put,
                    users::put_all,
                    conversations::create,
                    conversations::list,
                    conversations::get,
                    conversations::delete,
                    messages::list,
                    messages::send,
                    messages::get,
                    read::conversation,
                    read::message,
                    unread::get,
                    sync::get,
                    events::poll,
                    stream::open,
                    tickets::create,
                ],
            )
            .mount(
                "/",
                routes![health::healthz, health::readyz, health::metrics],
            )
            .mount("/", docs::swagger())
            .mount("/", pages::routes())
    })
}
