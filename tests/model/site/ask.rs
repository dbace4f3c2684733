//! The request that an action is.

use reqwest::Method;
use serde_json::{Value, json};

use super::action::{Action, View};
use super::create::named;
use super::host::Ask;
use super::view::role;
use super::world::{By, World};

impl Action {
    pub fn by(&self) -> By {
        match self {
            Self::Create(create) => create.by.map_or(By::Service, By::Person),
            Self::Choose { person, .. } => By::Person(*person),
            Self::Name { .. } => By::Service,
            Self::Send { by, .. }
            | Self::Edit { by, .. }
            | Self::Erase { by, .. }
            | Self::Read { by, .. }
            | Self::ReadMessage { by, .. }
            | Self::Put { by, .. }
            | Self::Alter { by, .. }
            | Self::Discard { by, .. }
            | Self::Add { by, .. }
            | Self::Role { by, .. }
            | Self::Remove { by, .. }
            | Self::Notification { by, .. }
            | Self::Look { by, .. } => *by,
        }
    }

    pub fn ask(&self, world: &World) -> Ask {
        if let Self::Look { at, .. } = self {
            return Ask::get(&at.path(world));
        }
        if let Self::Notification { step, .. } = self {
            return step.ask(world);
        }
        let (method, path, body) = self
            .on_message(world)
            .or_else(|| self.on_members(world))
            .unwrap_or_else(|| self.on_others(world));
        Ask::of(method, &path, Some(body).filter(|body| !body.is_null()))
    }

    fn on_message(&self, world: &World) -> Option<(Method, String, Value)> {
        Some(match self {
            Self::Send {
                conversation,
                text,
                reply_to,
                key,
                ..
            } => {
                let reply_to = reply_to.map(|message| id(world, message));
                let body =
                    json!({ "content": text, "replyToId": reply_to, "clientMessageId": key });
                let path = View::Messages(*conversation).path(world);
                (Method::POST, path, body)
            }
            Self::Edit {
                message: of, text, ..
            } => (
                Method::PATCH,
                message(world, *of),
                json!({ "content": text }),
            ),
            Self::Erase { message: of, .. } => (Method::DELETE, message(world, *of), Value::Null),
            Self::ReadMessage { message: of, .. } => {
                let path = format!("{}/read", message(world, *of));
                (Method::POST, path, json!({}))
            }
            _ => return None,
        })
    }

    fn on_members(&self, world: &World) -> Option<(Method, String, Value)> {
        let member = |of: usize, person: usize| {
            let is_self = self.by() == By::Person(person);
            let id = world.person_id(person);
            let person = if is_self { "me" } else { &id };
            format!("{}/members/{person}", conversation(world, of))
        };
        Some(match self {
            Self::Add {
                conversation: of,
                people,
                ..
            } => {
                let body = json!({ "members": named(world, people) });
                (Method::POST, View::Members(*of).path(world), body)
            }
            Self::Role {
                conversation: of,
                person,
                is_admin,
                ..
            } => {
                let body = json!({ "role": role(*is_admin) });
                (Method::PATCH, member(*of, *person), body)
            }
            Self::Remove {
                conversation: of,
                person,
                ..
            } => (Method::DELETE, member(*of, *person), Value::Null),
            Self::Choose { off, .. } => {
                let body = json!({ "receiptsOff": off });
                (Method::PATCH, "/v1/me".to_owned(), body)
            }
            Self::Name { person, name } => {
                let path = format!("/v1/users/{}", world.person_id(*person));
                (Method::PUT, path, json!({ "name": name }))
            }
            _ => return None,
        })
    }

    fn on_others(&self, world: &World) -> (Method, String, Value) {
        match self {
            Self::Create(create) => {
                let path = "/v1/conversations".to_owned();
                (Method::POST, path, create.body(world))
            }
            Self::Read {
                conversation: of,
                up_to,
                ..
            } => {
                let body = up_to.map_or(json!({}), |up_to| json!({ "upTo": up_to }));
                let path = format!("{}/read", conversation(world, *of));
                (Method::POST, path, body)
            }
            Self::Put {
                conversation: of,
                archived,
                ..
            } => {
                let status = if *archived { "ARCHIVED" } else { "ACTIVE" };
                let body = json!({ "status": status });
                (Method::PATCH, conversation(world, *of), body)
            }
            Self::Alter {
                conversation: of,
                subject,
                metadata,
                closed,
                ..
            } => {
                let mut body = json!({ "closed": closed });
                if let Some(subject) = subject {
                    body["subject"] = json!(subject);
                }
                if let Some(n) = metadata {
                    body["metadata"] = json!({ "n": n });
                }
                (Method::PATCH, conversation(world, *of), body)
            }
            Self::Discard {
                conversation: of, ..
            } => (Method::DELETE, conversation(world, *of), Value::Null),
            other => unreachable!("{other:?} is asked elsewhere"),
        }
    }
}

impl View {
    fn path(self, world: &World) -> String {
        match self {
            Self::Conversation(of) => conversation(world, of),
            Self::Members(of) => format!("{}/members", conversation(world, of)),
            Self::Messages(of) => format!("{}/messages", conversation(world, of)),
            Self::Message(of) => message(world, of),
            Self::Receipts(of) => format!("{}/receipts", message(world, of)),
            Self::Revisions(of) => format!("{}/revisions?limit=100", message(world, of)),
        }
    }
}

fn conversation(world: &World, of: usize) -> String {
    format!("/v1/conversations/{}", world.conversations[of].id)
}

fn id(world: &World, message: usize) -> String {
    world.messages[message].id.clone().unwrap_or_default()
}

fn message(world: &World, of: usize) -> String {
    format!("/v1/messages/{}", id(world, of))
}
