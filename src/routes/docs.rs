//! The API, described once: generated from the handlers, committed as `openapi/openapi.yaml`, served as
//! `/openapi.json` and, readable, at `/docs`.

use std::sync::Arc;

use rocket::http::Header;
use rocket::http::uri::Origin;
use rocket::{Responder, State, get};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use super::respond::{Json, See};
use super::{
    admin, assets, conversations, delivered, demo, diagnostics, emails, events, health, jobs, me,
    members, message, messages, notifications, person, preferences, presence, queue, read,
    reminders, scheduled, stream, sync, tickets, typing, unread, unsubscribe, users,
};
use crate::config;
use crate::error::{Code, Error, Problem, Result};
use crate::model::{Event, Notice};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Causerie",
        description = "Conversations for a site's own pages. One cursor serves poll, long-poll and stream: one that any of \
            them gave is good on the others, at any moment, on any instance, and nothing is lost or seen twice.\n\n\
            Every answer of 400 and above is a `Problem`; branch on its `code`. Clients ignore unknown event types and fields.\n\n\
            Text is given back as it was written, byte for byte. Only the names that people see (`name`, `subject`, `title`, \
            `fileName`) are kept in Unicode's NFC: so is an NFD file name of a Mac.",
        license(name = "MIT OR Apache-2.0"),
    ),
    servers((url = "./")),
    paths(
        me::get, me::update, users::get, users::put, users::put_all, person::erase, person::export,
        conversations::create, conversations::list, conversations::get, conversations::update, conversations::delete,
        members::list, members::add, members::update, members::remove,
        messages::list, messages::send, scheduled::list, scheduled::cancel, message::get, message::edit, message::delete, message::list_revisions, message::list_receipts,
        read::conversation, read::message, typing::put, presence::list,
        notifications::create, notifications::list, notifications::read, notifications::read_all, notifications::delete,
        reminders::create, reminders::list, reminders::get, reminders::cancel, preferences::get, preferences::update,
        unread::get, sync::get, events::poll, stream::open, delivered::note, tickets::create, admin::trace_message, admin::revoke,
        emails::send, emails::get, unsubscribe::page, unsubscribe::confirm, jobs::list, jobs::retry, jobs::cancel,
        health::healthz, health::readyz, health::metrics, diagnostics::stream, diagnostics::wait,
        assets::client, assets::elements,
        demo::start, demo::page, demo::file, demo::people, queue::page, queue::style, queue::script,
        openapi_json, page,
    ),
    components(schemas(Event, Notice, Problem)),
    modifiers(&Tokens, &Refusals),
    security(("bearer" = []), ("cookie" = [])),
    tags(
        (name = "conversations"), (name = "members"), (name = "messages"), (name = "events", description = "One feed, three transports"),
        (name = "notifications", description = "What the host tells people outside of conversations"), (name = "users"), (name = "emails"), (name = "operations"), (name = "pages", description = "What a person looks at"),
    ),
)]
struct Api;

/// How a caller says who it is.
struct Tokens;

impl Modify for Tokens {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        components.add_security_scheme(
            "cookie",
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("access_token"))),
        );
    }
}

/// What an address may answer besides what it says of itself: to whom, by which status, and why. Each is named, so that
/// an answer of another status is a mistake of the service or of this list.
const REFUSALS: &[(Whom, &str, &str)] = &[
    (
        Whom::Callers,
        "400",
        "Malformed, a parameter that is not acceptable, or a token in the URL",
    ),
    (Whom::Callers, "401", "No token that holds"),
    (
        Whom::Callers,
        "403",
        "Not allowed; or a browser of a site that may not call, or a change by cookie without `X-Requested-With`",
    ),
    (
        Whom::Things,
        "404",
        "No such address, or nothing there that the caller may see",
    ),
    (Whom::Writers, "413", "The body is too large"),
    (Whom::Writers, "415", "The body is not `application/json`"),
    (Whom::Writers, "422", "Fields that are not acceptable"),
    (
        Whom::Callers,
        "429",
        "More than this person, or this address, may ask for: come back after `Retry-After`",
    ),
    (
        Whom::Callers,
        "503",
        "No database, or too much at once: come back after `Retry-After`",
    ),
];

/// Which addresses a refusal is for.
enum Whom {
    /// All that want a token.
    Callers,
    /// Those with an id in their path.
    Things,
    /// Those that read a body.
    Writers,
}

struct Refusals;

impl Modify for Refusals {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut openapi.paths.paths {
            let methods = [
                &mut item.get,
                &mut item.put,
                &mut item.patch,
                &mut item.post,
                &mut item.delete,
            ];
            for operation in methods.into_iter().flatten() {
                // Found by itself beside `userId`, under the name that Rust gives it.
                if let Some(parameters) = &mut operation.parameters {
                    let is_stray = |it: &RefOr<_>| matches!(it, RefOr::T(Parameter { name, .. }) if name == "user_id");
                    parameters.retain(|parameter| !is_stray(parameter));
                }
                let is_open = !path.starts_with("/v1/")
                    || path.starts_with("/v1/diagnostics/")
                    || path == "/v1/unsubscribe";
                let has_id = path.contains("{id}");
                let has_body = operation.request_body.is_some();
                let responses = &mut operation.responses.responses;
                for (whom, status, why) in REFUSALS {
                    let applies = match whom {
                        Whom::Callers => !is_open,
                        Whom::Things => has_id,
                        Whom::Writers => has_body,
                    };
                    if applies {
                        let refusal = || RefOr::T(refusal(why));
                        responses
                            .entry((*status).to_owned())
                            .or_insert_with(refusal);
                    }
                }
            }
        }
    }
}

fn refusal(why: &str) -> utoipa::openapi::Response {
    let problem = Content::new(Some(Ref::from_schema_name("Problem")));
    ResponseBuilder::new()
        .description(why)
        .content("application/problem+json", problem)
        .build()
}

/// The description of the whole API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// This description, as JSON
#[utoipa::path(get, path = "/openapi.json", tag = "operations", operation_id = "openapi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
#[get("/openapi.json")]
pub fn openapi_json() -> Json<utoipa::openapi::OpenApi> {
    Json::ok(openapi())
}

/// Its style is partly written into its elements; nothing comes from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// This description, to read and try
///
/// Everything it needs is in the binary: no other host is asked. Where the demo is, one tries it as its first person.
#[utoipa::path(get, path = "/docs", tag = "pages", operation_id = "docs", security(()),
    responses(
        (status = 200, description = "A page", body = String, content_type = "text/html"),
        (status = 303, description = "The page, whose files are beside it"),
    ))]
#[get("/docs/<_..>")]
pub fn page(uri: &Origin<'_>, config: &State<config::Config>) -> Result<Docs> {
    // The page names its files beside itself.
    let Some(name) = uri.path().as_str().strip_prefix("/docs/") else {
        return Ok(Docs::Start(See::at("docs/")));
    };
    let shown = Arc::new(Config::new(["../openapi.json"]));
    let found = serve(name, shown).map_err(|error| Error::from(Code::Internal).because(error))?;
    let mut file = found.ok_or(Code::NotFound)?;
    if config.demo && name == "swagger-initializer.js" {
        let token = crate::demo::token(crate::demo::PEOPLE[0])?;
        file.bytes = authorized(&file.bytes, &token).into_bytes().into();
    }
    Ok(Docs::File(
        Box::new(file),
        Header::new("Content-Security-Policy", POLICY),
        // A token may be in it.
        Header::new("Cache-Control", "no-store"),
        Header::new("X-Frame-Options", "DENY"),
    ))
}

/// The script that starts Swagger UI, which then shows this token as if somebody had pasted it below "Authorize".
fn authorized(script: &[u8], token: &str) -> String {
    const START: &str = "SwaggerUIBundle({";
    let filled = format!(
        "{START}\n    onComplete: () => window.ui.preauthorizeApiKey(\"bearer\", \"{token}\"),"
    );
    String::from_utf8_lossy(script).replacen(START, &filled, 1)
}

#[derive(Responder)]
pub enum Docs {
    File(
        Box<SwaggerFile<'static>>,
        Header<'static>,
        Header<'static>,
        Header<'static>,
    ),
    Start(See),
}
