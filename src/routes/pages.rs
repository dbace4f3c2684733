//! The page at `/`: two people side by side. Plain files, built into the binary.

use rocket::http::{ContentType, Header};
use rocket::{Responder, Route, State, get, routes};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::respond::Json;
use crate::config::Config;
use crate::demo;
use crate::error::{Code, Problem, Result};
use crate::model::User;
use crate::store::Db;

/// Nothing but our own files and our own API; no inline script or style, so no text can become one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes() -> Vec<Route> {
    routes![index, page_file, demo_site]
}

#[derive(Responder)]
pub struct File {
    text: &'static str,
    kind: ContentType,
    policy: Header<'static>,
    cache: Header<'static>,
}

fn file(text: &'static str, kind: ContentType) -> File {
    File {
        text,
        kind,
        policy: Header::new("Content-Security-Policy", POLICY),
        cache: Header::new("Cache-Control", "no-cache"),
    }
}

/// Two people side by side
#[utoipa::path(get, path = "/", tag = "pages", operation_id = "index", security(()),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
#[get("/")]
pub fn index() -> File {
    file(include_str!("../../web/index.html"), ContentType::HTML)
}

/// A file of that page
#[utoipa::path(get, path = "/page/{name}", tag = "pages", operation_id = "pageFile", security(()),
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "A script or a style sheet", body = String, content_type = "text/javascript"),
        (status = 404, description = "No such file", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/page/<name>")]
pub fn page_file(name: &str) -> Result<File> {
    let text = FILES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
        .ok_or(Code::NotFound)?;
    let kind = if name.ends_with(".css") {
        ContentType::CSS
    } else {
        ContentType::JavaScript
    };
    Ok(file(text, kind))
}

macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../web/", $name)))),*] };
}

/// Built in by name, so that the binary is all there is to deploy.
const FILES: &[(&str, &str)] = files![
    "style.css",
    "api.js",
    "composer.js",
    "conversations.js",
    "dom.js",
    "feed.js",
    "inbox.js",
    "members.js",
    "outbox.js",
    "page.js",
    "pane.js",
    "people.js",
    "status.js",
    "strings.js",
    "thread.js"
];

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
    /// About the ad, between the first two people.
    pub conversation_id: Uuid,
}

/// The demo's people, of two tenants, with tokens; in development only
#[utoipa::path(get, path = "/demo.json", tag = "pages", operation_id = "demo", security(()),
    responses(
        (status = 200, description = "Who they are", body = DemoSite),
        (status = 404, description = "Not in production", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/demo.json")]
pub async fn demo_site(
    config: &State<Config>,
    site: &State<demo::Slot>,
    db: &Db,
) -> Result<Json<DemoSite>> {
    let site = site.get().ok_or(Code::NotFound)?;
    let mut people = Vec::new();
    for person in demo::PEOPLE {
        let (tenant, id, _) = person;
        let user = crate::store::users::find(db, tenant, id)
            .await?
            .ok_or(Code::NotFound)?;
        people.push(Person {
            tenant,
            user,
            token: demo::token(config.jwt_secret(), person)?,
        });
    }
    Ok(Json::ok(DemoSite {
        people,
        conversation_id: site.ad,
    }))
}
