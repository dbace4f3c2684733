//! The demo site, in development only: pages of hosts with the elements on them, and beside them what travels. Its files
//! are served once its people and their conversations are loaded; in production there is none of it.

use rocket::http::Header;
use rocket::{Responder, Route, State, get, routes};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::assets::{Asset, File, assets};
use super::respond::{Json, See};
use crate::demo;
use crate::error::{Code, Problem, Result};
use crate::model::User;
use crate::store::{Db, users};

/// Nothing but our own files and our own API; no inline script or style, so no text can become one. The pages of the
/// people stand in frames of the first one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' https: data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'";

const FILES: &[Asset] = assets![
    "demo/index.html",
    "demo/index.css",
    "demo/index.js",
    "demo/stories.js",
    "demo/dom.js",
    "demo/person.html",
    "demo/person.css",
    "demo/person.js",
    "demo/host.js",
    "demo/panel.css",
    "demo/panel.js",
    "demo/wire.js",
    "demo/words.js",
    "demo/icon.svg",
];

pub fn routes() -> Vec<Route> {
    routes![start, page, file, people]
}

#[derive(Responder)]
pub struct Shown {
    file: File,
    policy: Header<'static>,
}

fn show(site: &demo::Slot, name: &str) -> Result<Shown> {
    site.get().ok_or(Code::NotFound)?;
    Ok(Shown {
        file: File::of(FILES, &format!("demo/{name}"))?,
        policy: Header::new("Content-Security-Policy", POLICY),
    })
}

/// Where to look first
///
/// In development the demo site, else the description of the API.
#[utoipa::path(get, path = "/", tag = "pages", operation_id = "start", security(()),
    responses((status = 303, description = "There")))]
#[get("/")]
pub fn start(site: &State<demo::Slot>) -> See {
    See::at(if site.get().is_some() { "demo" } else { "docs" })
}

/// The demo site; in development only
#[utoipa::path(get, path = "/demo", tag = "pages", operation_id = "demo", security(()),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 404, description = "Not in production", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/demo")]
pub fn page(site: &State<demo::Slot>) -> Result<Shown> {
    show(site, "index.html")
}

/// A file of the demo site
#[utoipa::path(get, path = "/demo/{name}", tag = "pages", operation_id = "demoFile", security(()),
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "A page, a script, a style sheet or a picture", body = String, content_type = "text/html"),
        (status = 404, description = "No such file, or not in production", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/demo/<name>")]
pub fn file(site: &State<demo::Slot>, name: &str) -> Result<Shown> {
    show(site, name)
}

/// A person of the demo, with a token.
#[derive(Serialize, ToSchema)]
pub struct Person {
    pub tenant: &'static str,
    pub user: User,
    pub token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DemoSite {
    pub people: Vec<Person>,
    /// About the ad, between the first two people: `stories.ad`.
    pub conversation_id: Uuid,
    /// The conversation of each story.
    pub stories: demo::Site,
}

/// The demo's people, of two tenants, with tokens; in development only
#[utoipa::path(get, path = "/demo.json", tag = "pages", operation_id = "demoPeople", security(()),
    responses(
        (status = 200, description = "Who they are", body = DemoSite),
        (status = 404, description = "Not in production", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/demo.json")]
pub async fn people(site: &State<demo::Slot>, db: &Db) -> Result<Json<DemoSite>> {
    let stories = *site.get().ok_or(Code::NotFound)?;
    let mut people = Vec::new();
    for person in demo::PEOPLE {
        let (tenant, id, _) = person;
        let user = users::find(db, tenant, id).await?;
        people.push(Person {
            tenant,
            user: user.ok_or(Code::NotFound)?,
            token: demo::token(person)?,
        });
    }
    Ok(Json::ok(DemoSite {
        people,
        conversation_id: stories.ad,
        stories,
    }))
}
