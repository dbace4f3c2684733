//! What pages import: the client and the elements, built into the binary. Anybody may have them, and a browser asks each
//! time whether they have changed, so that a deploy reaches every page at its next visit.

use std::hash::{DefaultHasher, Hash, Hasher};

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Request, Route, get, routes};

use crate::error::{Code, Problem, Result};

/// One file: its name below `web/`, and its text.
pub type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../web/", $name)))),*] };
}
pub(super) use assets;

/// Built in by name, so that the binary is all there is to deploy.
const FILES: &[Asset] = assets![
    "client.js",
    "elements.js",
    "elements/actions.js",
    "elements/around.js",
    "elements/element.js",
    "elements/message.js",
    "elements/strings.js",
    "elements/style.js",
    "elements/thread.js",
];

pub fn routes() -> Vec<Route> {
    routes![client, elements, elements_part]
}

/// A file with its ETag: 304 to whoever has it.
pub struct File {
    text: &'static str,
    kind: ContentType,
}

impl File {
    pub fn of(files: &[Asset], name: &str) -> Result<Self> {
        let mut files = files.iter();
        let found = files.find(|(known, _)| *known == name);
        let (_, text) = found.ok_or(Code::NotFound)?;
        let extension = name.rsplit('.').next().unwrap_or_default();
        let kind = ContentType::from_extension(extension).unwrap_or(ContentType::Plain);
        Ok(Self { text, kind })
    }
}

impl<'r> Responder<'r, 'static> for File {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let mut hasher = DefaultHasher::new();
        self.text.hash(&mut hasher);
        let etag = format!("\"{:x}\"", hasher.finish());
        let known = request.headers().get_one("If-None-Match");
        let is_known = known.is_some_and(|given| given.split(',').any(|tag| tag.trim() == etag));
        let mut response = Response::build();
        response
            .header(Header::new("ETag", etag))
            .header(Header::new("Cache-Control", "no-cache"));
        if is_known {
            return response.status(Status::NotModified).ok();
        }
        response
            .header(self.kind)
            .sized_body(self.text.len(), std::io::Cursor::new(self.text))
            .ok()
    }
}

/// The client: an ES module
#[utoipa::path(get, path = "/client.js", tag = "pages", operation_id = "client", security(()),
    responses((status = 200, description = "An ES module without dependencies", body = String, content_type = "text/javascript")))]
#[get("/client.js")]
pub fn client() -> Result<File> {
    File::of(FILES, "client.js")
}

/// The elements: an ES module that defines them
#[utoipa::path(get, path = "/elements.js", tag = "pages", operation_id = "elements", security(()),
    responses((status = 200, description = "An ES module", body = String, content_type = "text/javascript")))]
#[get("/elements.js")]
pub fn elements() -> Result<File> {
    File::of(FILES, "elements.js")
}

/// A part of the elements, which import it
#[utoipa::path(get, path = "/elements/{name}", tag = "pages", operation_id = "elementsPart", security(()),
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "An ES module", body = String, content_type = "text/javascript"),
        (status = 404, description = "No such file", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/elements/<name>")]
pub fn elements_part(name: &str) -> Result<File> {
    File::of(FILES, &format!("elements/{name}"))
}
