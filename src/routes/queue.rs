//! `/admin/jobs`: the queue to look at. A page without any data: it asks whoever opens it for a service token, and then
//! `/v1/admin/jobs`.

use rocket::http::Header;
use rocket::{Responder, Route, get, routes};

use super::assets::{Asset, File, assets};
use crate::error::Result;

/// Nothing but its own files and our own API, in no frame: who could be led to press a button there has a token.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

const FILES: &[Asset] = assets!["admin/jobs.html", "admin/jobs.css", "admin/jobs.js"];

pub fn routes() -> Vec<Route> {
    routes![page, style, script]
}

#[derive(Responder)]
pub struct Shown {
    file: File,
    policy: Header<'static>,
    frames: Header<'static>,
    referrer: Header<'static>,
}

fn show(name: &str) -> Result<Shown> {
    Ok(Shown {
        file: File::of(FILES, name)?,
        policy: Header::new("Content-Security-Policy", POLICY),
        frames: Header::new("X-Frame-Options", "DENY"),
        referrer: Header::new("Referrer-Policy", "no-referrer"),
    })
}

/// The queue, to look at
///
/// It asks for a service token and keeps it in the tab. French and English.
#[utoipa::path(get, path = "/admin/jobs", tag = "pages", operation_id = "jobsPage", security(()),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
#[get("/admin/jobs")]
pub fn page() -> Result<Shown> {
    show("admin/jobs.html")
}

/// The style of that page
#[utoipa::path(get, path = "/admin/jobs.css", tag = "pages", operation_id = "jobsStyle", security(()),
    responses((status = 200, description = "A style sheet", body = String, content_type = "text/css")))]
#[get("/admin/jobs.css")]
pub fn style() -> Result<Shown> {
    show("admin/jobs.css")
}

/// The script of that page
#[utoipa::path(get, path = "/admin/jobs.js", tag = "pages", operation_id = "jobsScript", security(()),
    responses((status = 200, description = "An ES module", body = String, content_type = "text/javascript")))]
#[get("/admin/jobs.js")]
pub fn script() -> Result<Shown> {
    show("admin/jobs.js")
}
