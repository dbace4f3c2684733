//! HTTP. One file per noun: parse, ask the store or the live part, answer.

mod admin;
mod assets;
mod body;
mod chunk;
mod closing;
mod conversations;
mod delivered;
mod demo;
mod diagnostics;
mod docs;
mod emails;
mod events;
mod feed;
mod follow;
mod health;
mod instance;
mod jobs;
mod json;
mod limits;
mod me;
mod members;
mod message;
mod messages;
mod notifications;
mod page;
mod params;
mod person;
mod preferences;
mod presence;
mod queue;
mod read;
mod reminders;
mod respond;
mod room;
mod scheduled;
mod sse;
mod stream;
mod streams;
mod sync;
mod tickets;
mod typing;
mod unread;
mod unsubscribe;
mod users;

use std::collections::BTreeSet;

use rocket::fairing::AdHoc;
use rocket::{Build, Rocket, Route, routes};

pub use body::read_json;
pub use delivered::{DeliveredUpTo, Desk};
pub use docs::openapi;
pub use limits::Limits;
pub use read::ReadUpTo;
pub use room::Room;
pub use streams::Streams;
pub use typing::TypingNow;
pub use unsubscribe::Links;
pub use users::Profiles;

/// Every address of the service, ready to be launched.
pub fn stage() -> AdHoc {
    AdHoc::on_ignite("routes", async |rocket| mount(rocket))
}

/// The methods and paths that are mounted, as OpenAPI writes them: `{id}`, and no rest of a path. A test holds them,
/// `openapi/openapi.yaml` and the running service together.
pub fn mounted() -> BTreeSet<(String, String)> {
    let rocket = mount(rocket::custom(rocket::Config::default()));
    let written = |route: &rocket::Route| {
        let path = route.uri.path().trim_end_matches("/<_..>");
        let path = path.replace('<', "{").replace('>', "}");
        // Rocket names a part as its function does.
        let path = path.replace("{user_id}", "{userId}");
        (route.method.as_str().to_lowercase(), path)
    };
    rocket.routes().map(written).collect()
}

fn mount(rocket: Rocket<Build>) -> Rocket<Build> {
    rocket
        .register("/", rocket::catchers![crate::error::catch])
        .mount("/v1", of_people())
        .mount("/v1", of_conversations())
        .mount("/v1", of_feeds())
        .mount("/v1", of_the_host())
        .mount(
            "/",
            routes![health::healthz, health::readyz, health::metrics],
        )
        .mount("/", routes![docs::openapi_json, docs::page])
        .mount("/", demo::routes())
        .mount("/", queue::routes())
        .mount("/", assets::routes())
}

fn of_people() -> Vec<Route> {
    routes![
        me::get,
        me::update,
        preferences::get,
        preferences::update,
        users::get,
        users::put,
        users::put_all,
        person::erase,
        person::export,
        presence::list,
        notifications::create,
        notifications::list,
        notifications::read_all,
        notifications::read,
        notifications::delete,
        reminders::create,
        reminders::list,
        reminders::get,
        reminders::cancel,
        unsubscribe::page,
        unsubscribe::confirm,
    ]
}

fn of_conversations() -> Vec<Route> {
    routes![
        conversations::create,
        conversations::list,
        conversations::get,
        conversations::update,
        conversations::delete,
        members::list,
        members::add,
        members::update,
        members::remove,
        messages::list,
        messages::send,
        scheduled::list,
        scheduled::cancel,
        message::get,
        message::edit,
        message::delete,
        message::list_revisions,
        message::list_receipts,
        read::conversation,
        read::message,
        typing::put,
    ]
}

fn of_feeds() -> Vec<Route> {
    routes![
        unread::get,
        sync::get,
        events::poll,
        delivered::note,
        stream::open,
        tickets::create,
        diagnostics::stream,
        diagnostics::wait,
    ]
}

fn of_the_host() -> Vec<Route> {
    routes![
        admin::trace_message,
        admin::revoke,
        jobs::list,
        jobs::retry,
        jobs::cancel,
        emails::send,
        emails::get,
    ]
}
