//! Answers that several nouns share.

use rocket::Request;
use rocket::http::{ContentType, Header, Status};
use rocket::response::{Responder, Response, Result};
use serde::Serialize;
use utoipa::ToSchema;

use crate::requests::Idle;

/// A JSON answer, never stored by a cache.
pub struct Json<T> {
    status: Status,
    headers: Vec<Header<'static>>,
    body: T,
}

impl<T> Json<T> {
    pub fn ok(body: T) -> Self {
        Self {
            status: Status::Ok,
            headers: Vec::new(),
            body,
        }
    }

    /// 201 with where it is, or 200 when it was there already.
    pub fn created(is_new: bool, location: String, body: T) -> Self {
        let status = if is_new { Status::Created } else { Status::Ok };
        Self {
            status,
            headers: vec![Header::new("Location", location)],
            body,
        }
    }

    /// 202: it will be done.
    pub fn accepted(body: T) -> Self {
        Self {
            status: Status::Accepted,
            ..Self::ok(body)
        }
    }

    pub fn with(
        mut self,
        name: &'static str,
        value: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Self {
        self.headers.push(Header::new(name, value));
        self
    }
}

impl<'r, T: Serialize> Responder<'r, 'static> for Json<T> {
    fn respond_to(self, _: &'r Request<'_>) -> Result<'static> {
        let json = serde_json::to_vec(&self.body).map_err(|_| Status::InternalServerError)?;
        bytes(self.status, self.headers, json)
    }
}

/// What is looked for is there, beside this address: the service may be mounted below a prefix that it does not know.
#[derive(Responder)]
#[response(status = 303)]
pub struct See {
    body: (),
    location: Header<'static>,
}

impl See {
    pub fn at(beside: &'static str) -> Self {
        Self {
            body: (),
            location: Header::new("Location", beside),
        }
    }
}

/// An answer that can say "nothing new": with a weak ETag, and when to ask again.
pub struct Polled {
    /// None: 304.
    pub body: Option<Vec<u8>>,
    pub etag: String,
    pub next_ms: u64,
    /// Nothing new: counted, not logged.
    pub is_idle: bool,
}

impl<'r> Responder<'r, 'static> for Polled {
    fn respond_to(self, request: &'r Request<'_>) -> Result<'static> {
        request.local_cache(|| Idle(self.is_idle || self.body.is_none()));
        let headers = vec![
            Header::new("ETag", self.etag),
            // Whole seconds, rounded up: never sooner than the body's own word.
            Header::new("X-Poll-Interval", self.next_ms.div_ceil(1000).to_string()),
        ];
        match self.body {
            Some(json) => bytes(Status::Ok, headers, json),
            None => {
                let mut response = Response::build();
                response
                    .status(Status::NotModified)
                    .header(Header::new("Cache-Control", PRIVATE));
                headers.into_iter().for_each(|header| {
                    response.header(header);
                });
                response.ok()
            }
        }
    }
}

const PRIVATE: &str = "private, no-store";

fn bytes(status: Status, headers: Vec<Header<'static>>, json: Vec<u8>) -> Result<'static> {
    let mut response = Response::build();
    response
        .status(status)
        .header(ContentType::JSON)
        .header(Header::new("Cache-Control", PRIVATE));
    for header in headers {
        response.header(header);
    }
    response
        .sized_body(json.len(), std::io::Cursor::new(json))
        .ok()
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// Ask again with `nextPageToken` (or, of messages, `before`, `after` or `since`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_more: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
    /// Of messages asked with `since`: where to go on. Good for this conversation only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// With `page`: its number, its size, and how many there are in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// Counted pages, for clients that number them.
    pub fn numbered(items: Vec<T>, page: i64, limit: i64, total: i64) -> Self {
        Self {
            items,
            has_more: None,
            next_page_token: None,
            cursor: None,
            page: Some(page),
            limit: Some(limit),
            total: Some(total),
        }
    }

    /// A page that goes on by `token`, if it goes on.
    pub fn linked(items: Vec<T>, has_more: bool, token: Option<String>) -> Self {
        let next_page_token = token.filter(|_| has_more);
        Self {
            items,
            has_more: Some(has_more),
            next_page_token,
            cursor: None,
            page: None,
            limit: None,
            total: None,
        }
    }
}
