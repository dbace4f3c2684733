//! RFC 9457 `application/problem+json`: how every answer of 400 and above looks, Rocket's own refusals included.

use std::sync::Mutex;

use rocket::http::{ContentType, Header, Status};
use rocket::request::{FromRequest, Outcome};
use rocket::response::{self, Responder, Response};
use rocket::{Request, catch};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Code, Error};
use crate::model::{FieldCode, FieldProblem};
use crate::requests::{Asked, RequestId, TraceContext};

/// The body of every answer of 400 and above.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    #[schema(example = "https://causerie.invalid/problems/user-unknown")]
    pub r#type: String,
    pub title: &'static str,
    pub status: u16,
    /// In English, or French by `Accept-Language`. Branch on `code`.
    pub detail: &'static str,
    /// The path that was asked for.
    pub instance: String,
    #[schema(example = "user-unknown")]
    pub code: &'static str,
    pub request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `cursor-expired`: where to start again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resync: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// One field or parameter that was refused.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FieldError {
    /// JSON pointer into the body, or the name of a query parameter.
    #[schema(example = "/memberIds/1")]
    pub pointer: String,
    pub code: FieldCode,
    pub detail: String,
}

/// The language of titles and details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Locale {
    En,
    Fr,
}

impl Locale {
    /// The first of English and French that `Accept-Language` names; English when it names neither.
    pub fn of(header: Option<&str>) -> Self {
        let first = header
            .unwrap_or_default()
            .split(',')
            .map(|tag| tag.trim().to_ascii_lowercase())
            .find_map(|tag| {
                let language = tag.split([';', '-']).next()?.trim().to_owned();
                match language.as_str() {
                    "fr" => Some(Self::Fr),
                    "en" => Some(Self::En),
                    _ => None,
                }
            });
        first.unwrap_or(Self::En)
    }

    fn pick<T>(self, (en, fr): (T, T)) -> T {
        match self {
            Self::En => en,
            Self::Fr => fr,
        }
    }
}

impl Error {
    pub fn problem(&self, locale: Locale, instance: &str, request_id: &str) -> Problem {
        let code = self.code;
        Problem {
            r#type: format!("https://causerie.invalid/problems/{}", code.as_str()),
            title: locale.pick(code.title()),
            status: code.status().code,
            detail: locale.pick(code.detail()),
            instance: instance.to_owned(),
            code: code.as_str(),
            request_id: request_id.to_owned(),
            retry_after_ms: self.retry_after.map(|d| d.as_millis() as u64),
            resync: (code == Code::CursorExpired).then_some("/v1/sync"),
            errors: self
                .fields
                .iter()
                .map(|field| FieldError::new(field, locale))
                .collect(),
        }
    }
}

impl FieldError {
    fn new(problem: &FieldProblem, locale: Locale) -> Self {
        let mut detail = locale.pick(words(problem.code)).to_owned();
        if let Some(limit) = problem.limit {
            detail.push_str(
                &locale.pick((format!(" At most {limit}."), format!(" Au plus {limit}."))),
            );
        }
        Self {
            pointer: problem.pointer.clone(),
            code: problem.code,
            detail,
        }
    }
}

fn words(code: FieldCode) -> (&'static str, &'static str) {
    match code {
        FieldCode::Required => ("This field is required.", "Ce champ est obligatoire."),
        FieldCode::UnknownField => ("This field is not known here.", "Ce champ est inconnu ici."),
        FieldCode::DuplicateField => ("This stands there twice.", "Ce champ figure deux fois."),
        FieldCode::WrongType => ("This has the wrong type.", "Le type est incorrect."),
        FieldCode::Blank => ("This is empty.", "Ce champ est vide."),
        FieldCode::TooLong => ("This is too long.", "C'est trop long."),
        FieldCode::TooMany => ("These are too many.", "Il y en a trop."),
        FieldCode::TooFew => ("These are too few.", "Il n'y en a pas assez."),
        FieldCode::TooDeep => ("This is nested too deeply.", "C'est imbriqué trop profond."),
        FieldCode::OutOfRange => ("This is out of range.", "Cette valeur est hors limites."),
        FieldCode::NulCharacter => (
            "This holds a NUL character.",
            "Un caractère NUL s'y trouve.",
        ),
        FieldCode::LoneSurrogate => (
            "This holds half a character.",
            "Une moitié de caractère s'y trouve.",
        ),
        FieldCode::ControlCharacter => (
            "This holds a control character.",
            "Un caractère de contrôle s'y trouve.",
        ),
        FieldCode::LineBreak => ("This must be one line.", "Il faut une seule ligne."),
        FieldCode::BidiControl => (
            "This holds a character that turns the direction of writing.",
            "Un caractère qui inverse le sens de l'écriture s'y trouve.",
        ),
        FieldCode::InvalidUrl => (
            "This must be an https URL, written as browsers write it, without credentials.",
            "Il faut une URL en https, écrite comme l'écrivent les navigateurs, sans identifiants.",
        ),
        FieldCode::InvalidEmail => ("This must be one address.", "Il faut une seule adresse."),
        FieldCode::EmailUnknown => ("No address is known.", "Aucune adresse n'est connue."),
        FieldCode::HostNotAllowed => (
            "Links may not lead to this host.",
            "Aucun lien ne peut y mener.",
        ),
        FieldCode::InvalidValue => (
            "This value is not acceptable here.",
            "Cette valeur n'est pas acceptable ici.",
        ),
        FieldCode::MessageUnknown => (
            "There is no such message in this conversation.",
            "Ce message n'est pas dans cette conversation.",
        ),
        FieldCode::OrganizationUnknown => (
            "Your token does not list this organisation.",
            "Votre jeton ne mentionne pas cette organisation.",
        ),
        FieldCode::UserUnknown => (
            "This person is not known here.",
            "Cette personne est inconnue ici.",
        ),
    }
}

/// Answers that said that a limit was hit, by the limit.
const REFUSED: &str = "causerie_refused_total";

/// Shows each limit before it is hit: what starts at 1 has no rate.
pub fn count_refusals() {
    let limits = Code::ALL.iter().filter_map(|code| code.limit());
    // Of those who wait for leave to read Postgres; they are told that it does not answer.
    for limit in limits.chain(["catch_ups"]) {
        metrics::counter!(REFUSED, "limit" => limit).increment(0);
    }
}

impl<'r> Responder<'r, 'static> for Error {
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'static> {
        let RequestId(request_id) = RequestId::of(request);
        let status = self.code.status();
        if let Some(limit) = self.code.limit() {
            metrics::counter!(REFUSED, "limit" => limit).increment(1);
        }
        // Not ready, or full: that is an answer, and a limit is counted above. A failure has a cause.
        let is_failure = self.cause.is_some() || self.code == Code::Internal;
        if status.code >= 500 && is_failure && self.code.limit().is_none() {
            let route = request.route().map(|route| route.uri.path());
            let trace = TraceContext::of(request);
            tracing::error!(
                code = self.code.as_str(),
                cause = self.cause,
                route,
                request.id = request_id,
                trace.id = trace.map(|trace| trace.trace_id),
                "request failed"
            );
        }
        let locale = Locale::of(request.headers().get_one("Accept-Language"));
        let Asked(instance) = Asked::of(request);
        let body = self.problem(locale, instance, request_id);
        let json = serde_json::to_vec(&body).map_err(|_| Status::InternalServerError)?;
        let mut response = Response::build();
        response
            .status(status)
            .header(ContentType::new("application", "problem+json"));
        if let Some(after) = self.retry_after {
            response.header(Header::new(
                "Retry-After",
                after.as_secs_f64().ceil().to_string(),
            ));
        }
        if status.code == 401 {
            response.header(Header::new("WWW-Authenticate", "Bearer"));
        }
        response
            .header(Header::new("Cache-Control", "no-store"))
            .sized_body(json.len(), std::io::Cursor::new(json))
            .ok()
    }
}

#[rocket::async_trait]
impl<'r> FromRequest<'r> for Locale {
    type Error = std::convert::Infallible;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        Outcome::Success(Self::of(request.headers().get_one("Accept-Language")))
    }
}

/// Where a guard leaves the reason of its refusal: Rocket itself hands only a status to the catcher.
struct Refusal(Mutex<Option<Error>>);

/// Keeps `error` for the catcher and gives the status that a guard must fail with.
pub fn stash(request: &Request<'_>, error: Error) -> (Status, ()) {
    let status = error.code.status();
    let Refusal(slot) = request.local_cache(|| Refusal(Mutex::new(None)));
    *slot
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
    (status, ())
}

/// Every refusal that is not a handler's own: a guard's, an unknown route, a panic.
#[catch(default)]
pub fn catch(status: Status, request: &Request<'_>) -> Error {
    let Refusal(slot) = request.local_cache(|| Refusal(Mutex::new(None)));
    let stashed = slot
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .take();
    stashed.unwrap_or_else(|| unexplained(status, request).into())
}

/// Why Rocket or rocket_cors refused, as far as can be seen from outside.
fn unexplained(status: Status, request: &Request<'_>) -> Code {
    let (Asked(asked), path) = (Asked::of(request), request.uri().path());
    match (path.starts_with("/cors/"), path == asked.as_str()) {
        // Not sent there by rocket_cors, but asked by name: no address of ours.
        (true, true) => Code::RouteUnknown,
        (true, false) if status == Status::Forbidden => Code::CrossSite,
        _ => Code::of_status(status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_we_speak_is_taken() {
        assert_eq!(Locale::of(Some("fr-FR,fr;q=0.9,en;q=0.8")), Locale::Fr);
        assert_eq!(Locale::of(Some("de-DE, en-GB;q=0.9, fr;q=0.1")), Locale::En);
        assert_eq!(Locale::of(Some("frr")), Locale::En);
        assert_eq!(Locale::of(None), Locale::En);
    }
}
