//! Everything that a client starts from.

use serde_json::Value;

use super::Failure;
use super::host::Host;
use super::world::{By, World};

/// A snapshot: the first page with its cursor, and those after it; the archive as well.
pub struct Snapshot {
    pub cursor: String,
    pub unread: Value,
    /// In the order of the list, those in the archive after the others.
    pub items: Vec<Value>,
    pub pages: usize,
}

impl Snapshot {
    pub async fn take(
        host: &Host,
        world: &World,
        person: usize,
        instance: usize,
    ) -> Result<Self, Failure> {
        let by = By::Person(person);
        let sync = host.get(world, by, instance, "/v1/sync").await?;
        let mut snapshot = Self {
            cursor: sync.cursor(),
            unread: sync.body["unread"].clone(),
            items: Vec::new(),
            pages: 1,
        };
        snapshot
            .go_on(host, world, by, instance, &sync.body["conversations"], "")
            .await?;
        let path = "/v1/conversations?status=ARCHIVED";
        let archive = host.get(world, by, instance, path).await?;
        snapshot
            .go_on(host, world, by, instance, &archive.body, "&status=ARCHIVED")
            .await?;
        Ok(snapshot)
    }

    /// A page, and all that follow it.
    async fn go_on(
        &mut self,
        host: &Host,
        world: &World,
        by: By,
        instance: usize,
        first: &Value,
        more: &str,
    ) -> Result<(), Failure> {
        let mut page = first.clone();
        loop {
            self.items
                .extend(page["items"].as_array().into_iter().flatten().cloned());
            let Some(token) = page["nextPageToken"]
                .as_str()
                .filter(|_| page["hasMore"] == true)
            else {
                return Ok(());
            };
            let path = format!("/v1/conversations?pageToken={token}{more}");
            page = host.get(world, by, instance, &path).await?.body;
            self.pages += 1;
        }
    }
}
