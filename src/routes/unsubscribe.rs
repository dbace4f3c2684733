//! `/v1/unsubscribe`: where the links of e-mails lead. Asking changes nothing, for scanners follow links; the button, or a
//! mail provider on the person's word (RFC 8058), turns e-mails off. Nobody logs in: whoever has the link was sent it.

use rocket::http::Header;
use rocket::response::content::RawHtml;
use rocket::{Responder, State, get, post};
use tokio::sync::OnceCell;

use super::params::Query;
use crate::error::{Code, Error, Locale, Problem, Result};
use crate::mail::{Seal, unsubscribe_page};
use crate::model::{Language, Position, UserKey};
use crate::store::{Db, emails};

/// Its style is in it; its form leads to itself. To itself alone it says where it comes from.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'";

#[derive(Responder)]
pub struct Shown {
    page: RawHtml<String>,
    policy: Header<'static>,
    cache: Header<'static>,
}

/// The page with the button
///
/// Changes nothing. In French or English, by `Accept-Language`.
#[utoipa::path(get, path = "/v1/unsubscribe", tag = "pages", operation_id = "unsubscribePage", security(()),
    params(("token" = String, Query, description = "As the e-mail's link has it")),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 400, description = "The token is there twice", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No link of ours, or nobody's any more", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No database: come back after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ))]
#[get("/unsubscribe")]
pub async fn page(query: Query, locale: Locale, db: &Db, links: &State<Links>) -> Result<Shown> {
    let (user, since) = holder(&query, db, links).await?;
    let inbox = emails::inbox(db, &user).await?;
    inbox
        .filter(|inbox| inbox.since == since)
        .ok_or(Code::NotFound)?;
    shown(locale, false)
}

/// Turn a person's e-mails off, by the link of one
///
/// What the button sends, and mail providers (RFC 8058). The body is not looked at.
#[utoipa::path(post, path = "/v1/unsubscribe", tag = "pages", operation_id = "unsubscribe", security(()),
    params(("token" = String, Query, description = "As the e-mail's link has it")),
    responses(
        (status = 200, description = "Done; a page that says so", body = String, content_type = "text/html"),
        (status = 400, description = "The token is there twice", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No link of ours, or nobody's any more", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "No database: come back after `Retry-After`", body = Problem, content_type = "application/problem+json"),
    ))]
#[post("/unsubscribe")]
pub async fn confirm(query: Query, locale: Locale, db: &Db, links: &State<Links>) -> Result<Shown> {
    let (user, since) = holder(&query, db, links).await?;
    match emails::turn_off(db, &user, since).await? {
        true => shown(locale, true),
        false => Err(Code::NotFound.into()),
    }
}

/// What links are sealed with, once it is known: strangers' requests do not each ask for it.
#[derive(Default)]
pub struct Links(OnceCell<Seal>);

/// Whose link it is, and since when that is somebody of theirs.
async fn holder(query: &Query, db: &Db, links: &Links) -> Result<(UserKey, Position)> {
    let token = query.text("token")?.ok_or(Code::NotFound)?;
    let read = async || {
        let secret = emails::secret(db).await?.ok_or(Code::NotFound)?;
        Seal::of(&secret).map_err(|error| Error::from(Code::Internal).because(error))
    };
    let seal = links.0.get_or_try_init(read).await?;
    seal.open(&token).ok_or_else(|| Code::NotFound.into())
}

fn shown(locale: Locale, is_done: bool) -> Result<Shown> {
    let language = match locale {
        Locale::En => Language::En,
        Locale::Fr => Language::Fr,
    };
    let page = unsubscribe_page(language, is_done);
    let page = page.map_err(|error| Error::from(Code::Internal).because(error))?;
    Ok(Shown {
        page: RawHtml(page),
        policy: Header::new("Content-Security-Policy", POLICY),
        cache: Header::new("Cache-Control", "no-store"),
    })
}
