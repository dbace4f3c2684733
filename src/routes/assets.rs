//! What pages import: the client and the elements, built into the binary. Anybody may have them, and a browser asks each
//! time whether they have changed, so that a deploy reaches every page at its next visit.

use rocket::http::{ContentType, Header, Status};
use rocket::response::{self, Responder, Response};
use rocket::{Request, Route, get, routes};
use sha2::{Digest, Sha256};

use crate::error::{Code, Result};

/// One file: its name below `web/`, and its text.
pub type Asset = (&'static str, &'static str);

macro_rules! assets {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../web/", $name)))),*] };
}
pub(super) use assets;

/// Built in by name, so that the binary is all there is to deploy. `script/pack` makes them, each one module: two of
/// different versions on one page would be two, not nine.
const FILES: &[Asset] = assets!["client.js", "elements.js"];

pub fn routes() -> Vec<Route> {
    routes![client, elements]
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

/// Of the text alone, so that all instances agree, whatever built them.
fn etag_of(text: &str) -> String {
    let digest = Sha256::digest(text);
    format!(
        "\"{}\"",
        digest[..8]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    )
}

/// Compared weakly (RFC 9110, 13.1.2): a proxy that compresses makes the tag a weak one.
fn names(given: &str, etag: &str) -> bool {
    let mut tags = given.split(',').map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

impl<'r> Responder<'r, 'static> for File {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let etag = etag_of(self.text);
        let mut known = request.headers().get("If-None-Match");
        let is_known = known.any(|given| names(given, &etag));
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
