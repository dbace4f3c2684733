//! A page as it is answered to a poll.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::support::history::Count;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    pub from: String,
    pub cursor: String,
    pub has_more: bool,
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
    pub unread: Option<Unread>,
}

#[derive(Deserialize)]
pub(super) struct Unread {
    total: i64,
    changed: Vec<Changed>,
}

#[derive(Deserialize)]
struct Changed {
    id: String,
}

impl From<Unread> for Count {
    fn from(unread: Unread) -> Self {
        Self {
            total: unread.total,
            changed: unread.changed.into_iter().map(|c| c.id).collect(),
        }
    }
}
