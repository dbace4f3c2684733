//! The matrix: every route, how it is called, and who may. `ID` is a thing of others, or a random one.

/// Who may call, and so what everybody else is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a token, because.
    Public(&'static str),
    /// Whoever has a token; the answer is about themselves alone.
    Own,
    /// A member: to everybody else it is as if there were no such thing.
    Member,
    /// An ADMIN of the group, or the author: a plain MEMBER is told that they lack the role.
    Admin,
    /// The host's backend.
    Service,
}

use Access::{Admin, Member, Own, Public, Service};

pub struct Row(
    pub Access,
    pub &'static str,
    pub &'static str,
    pub &'static [Call],
);

/// A query and a body.
pub type Call = (&'static str, &'static str);

const BARE: &[Call] = &[("", "")];
const PAGES: &[Call] = &[("", ""), ("?limit=1&pageToken=m0-a", "")];

/// Those who may do so can call them in this order: what takes something away comes last.
pub const ROWS: &[Row] = &[
    Row(Public("where to look first"), "get", "/", BARE),
    Row(
        Public("a load balancer has no account"),
        "get",
        "/healthz",
        BARE,
    ),
    Row(
        Public("a load balancer has no account"),
        "get",
        "/readyz",
        BARE,
    ),
    Row(
        Public("counts, labelled by route: the proxy keeps it from others"),
        "get",
        "/metrics",
        BARE,
    ),
    Row(Public("the description"), "get", "/openapi.json", BARE),
    Row(
        Public("the description"),
        "get",
        "/docs",
        &[("", ""), ("/", ""), ("/index.html", "")],
    ),
    Row(Public("a script for pages"), "get", "/client.js", BARE),
    Row(Public("a script for pages"), "get", "/elements.js", BARE),
    Row(Public("a page without data"), "get", "/admin/jobs", BARE),
    Row(Public("a page's style"), "get", "/admin/jobs.css", BARE),
    Row(Public("a page's script"), "get", "/admin/jobs.js", BARE),
    Row(Public("in development only"), "get", "/demo", BARE),
    Row(Public("in development only"), "get", "/demo/{name}", BARE),
    Row(Public("in development only"), "get", "/demo.json", BARE),
    Row(
        Public("nobody's data, for whoever looks for what a proxy does"),
        "get",
        "/v1/diagnostics/stream",
        &[("?seconds=1", "")],
    ),
    Row(
        Public("nobody's data, for whoever looks for what a proxy does"),
        "get",
        "/v1/diagnostics/wait",
        &[("?seconds=1", "")],
    ),
    Row(
        Public("whoever has the link was sent it: it names the person"),
        "get",
        "/v1/unsubscribe",
        &[("", ""), ("?token=x", "")],
    ),
    Row(
        Public("a mail provider has no account"),
        "post",
        "/v1/unsubscribe",
        &[("", ""), ("?token=x", "")],
    ),
    Row(Own, "get", "/v1/me", BARE),
    Row(
        Own,
        "patch",
        "/v1/me",
        &[("", "{}"), ("", r#"{"receiptsOff":false}"#)],
    ),
    Row(
        Own,
        "get",
        "/v1/conversations",
        &[
            ("", ""),
            ("?limit=100", ""),
            ("?page=1", ""),
            ("?unread=true", ""),
            ("?status=ARCHIVED", ""),
            ("?pageToken=TOKEN", ""),
            ("?contextType=AD&contextId=early-LEAK-ad", ""),
            ("?organizationId=early-LEAK-organization", ""),
        ],
    ),
    Row(
        Own,
        "post",
        "/v1/conversations",
        &[("", r#"{"type":"GROUP","memberIds":["friend"]}"#)],
    ),
    Row(
        Own,
        "get",
        "/v1/presence",
        &[("?userIds=bob,carol,rita", "")],
    ),
    Row(Own, "get", "/v1/unread", BARE),
    Row(Own, "get", "/v1/sync", &[("", ""), ("?limit=100", "")]),
    Row(
        Own,
        "get",
        "/v1/events",
        &[
            ("", ""),
            ("?since=0", ""),
            ("?since=CURSOR", ""),
            ("?since=0&limit=1", ""),
            ("?since=0&wait=1&ephemeral=1", ""),
        ],
    ),
    Row(
        Own,
        "get",
        "/v1/scheduled-messages",
        &[
            ("", ""),
            ("?limit=10", ""),
            ("?conversationId=0198c0de-0000-7000-8000-000000000000", ""),
        ],
    ),
    Row(
        Own,
        "get",
        "/v1/events/stream",
        &[("?since=0", ""), ("?since=CURSOR", "")],
    ),
    Row(
        Own,
        "post",
        "/v1/delivered",
        &[("", r#"{"cursor":"CURSOR"}"#)],
    ),
    Row(Own, "post", "/v1/stream-tickets", BARE),
    Row(Own, "get", "/v1/me/preferences", BARE),
    Row(
        Own,
        "patch",
        "/v1/me/preferences",
        &[
            ("", "{}"),
            (
                "",
                r#"{"timeZone":"America/Montreal","quietHours":{"from":"22:00","to":"07:00"},"types":[{"type":"T","inApp":true}]}"#,
            ),
        ],
    ),
    Row(
        Own,
        "get",
        "/v1/notifications",
        &[
            ("", ""),
            ("?unread=true&limit=99", ""),
            ("?limit=1&pageToken=n1000000", ""),
        ],
    ),
    Row(Own, "post", "/v1/notifications/read-all", BARE),
    Row(Member, "post", "/v1/notifications/{id}/read", BARE),
    Row(
        Service,
        "post",
        "/v1/notifications",
        &[
            ("", r#"{"userId":"friend","type":"T","title":"x"}"#),
            (
                "",
                r#"{"userIds":["friend"],"type":"T","title":"x","deliverAt":"2020-01-01T00:00:00Z"}"#,
            ),
        ],
    ),
    Row(Member, "delete", "/v1/notifications/{id}", BARE),
    Row(
        Service,
        "post",
        "/v1/reminders",
        &[(
            "",
            r#"{"userIds":["friend"],"at":"2020-01-01T00:00:00Z","notification":{"type":"T","title":"x"}}"#,
        )],
    ),
    Row(
        Service,
        "get",
        "/v1/reminders",
        &[("", ""), ("?state=WAITING&limit=1", "")],
    ),
    Row(Service, "get", "/v1/reminders/{id}", BARE),
    Row(Service, "delete", "/v1/reminders/{id}", BARE),
    Row(Member, "get", "/v1/users/{id}", BARE),
    Row(Service, "put", "/v1/users/{id}", &[("", r#"{"name":"x"}"#)]),
    Row(
        Service,
        "put",
        "/v1/users",
        &[("", r#"[{"id":"ID","name":"x"}]"#)],
    ),
    Row(Service, "get", "/v1/admin/messages/{id}/trace", PAGES),
    Row(
        Service,
        "get",
        "/v1/admin/jobs",
        &[("", ""), ("?state=WAITING&kind=MESSAGE", "")],
    ),
    Row(Service, "post", "/v1/admin/jobs/{id}/cancel", BARE),
    Row(Service, "post", "/v1/admin/jobs/{id}/retry", BARE),
    Row(Member, "get", "/v1/conversations/{id}", BARE),
    Row(
        Admin,
        "patch",
        "/v1/conversations/{id}",
        &[
            ("", r#"{"subject":"x"}"#),
            ("", r#"{"metadata":{}}"#),
            ("", r#"{"closed":false}"#),
        ],
    ),
    Row(
        Member,
        "patch",
        "/v1/conversations/{id}",
        &[
            ("", r#"{"status":"ARCHIVED"}"#),
            ("", r#"{"status":"ACTIVE"}"#),
            ("", "{}"),
        ],
    ),
    Row(Member, "get", "/v1/conversations/{id}/members", PAGES),
    Row(
        Admin,
        "post",
        "/v1/conversations/{id}/members",
        &[
            ("", r#"{"memberIds":["friend"]}"#),
            ("", r#"{"members":[{"userId":"friend","role":"ADMIN"}]}"#),
        ],
    ),
    Row(
        Admin,
        "patch",
        "/v1/conversations/{id}/members/{userId}",
        &[("", r#"{"role":"ADMIN"}"#)],
    ),
    Row(
        Member,
        "get",
        "/v1/conversations/{id}/messages",
        &[
            ("", ""),
            ("?limit=200", ""),
            ("?before=3", ""),
            ("?after=0", ""),
            ("?page=1", ""),
            ("?since=0", ""),
            ("?since=CURSOR", ""),
        ],
    ),
    Row(
        Member,
        "post",
        "/v1/conversations/{id}/messages",
        &[
            ("", r#"{"content":"x"}"#),
            ("", r#"{"content":"x","clientMessageId":"c"}"#),
            ("", r#"{"content":"x","replyToId":"EARLY"}"#),
            ("", r#"{"content":"x","deliverAt":"AHEAD"}"#),
        ],
    ),
    Row(
        Member,
        "post",
        "/v1/conversations/{id}/read",
        &[("", ""), ("", r#"{"upTo":1}"#)],
    ),
    Row(
        Member,
        "put",
        "/v1/conversations/{id}/typing",
        &[("", r#"{"isTyping":true}"#), ("", r#"{"isTyping":false}"#)],
    ),
    Row(Member, "get", "/v1/messages/{id}", BARE),
    Row(Member, "post", "/v1/messages/{id}/read", BARE),
    Row(Member, "get", "/v1/messages/{id}/receipts", PAGES),
    Row(Admin, "get", "/v1/messages/{id}/revisions", BARE),
    Row(
        Admin,
        "patch",
        "/v1/messages/{id}",
        &[
            ("", r#"{"content":"x"}"#),
            ("", r#"{"attachments":[]}"#),
            ("", r#"{"metadata":{}}"#),
        ],
    ),
    Row(Member, "delete", "/v1/scheduled-messages/{id}", BARE),
    Row(Admin, "delete", "/v1/messages/{id}", BARE),
    Row(
        Admin,
        "delete",
        "/v1/conversations/{id}/members/{userId}",
        BARE,
    ),
    Row(Admin, "delete", "/v1/conversations/{id}", BARE),
    Row(
        Service,
        "post",
        "/v1/emails",
        &[("", r#"{"to":"a@mail.example","subject":"x","text":"x"}"#)],
    ),
    Row(Service, "get", "/v1/emails/{id}", BARE),
    Row(Service, "get", "/v1/users/{id}/export", BARE),
    Row(Service, "post", "/v1/admin/users/{id}/revoke", BARE),
    Row(Service, "delete", "/v1/users/{id}", BARE),
];
