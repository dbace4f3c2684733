//! What breaks in operation, broken on purpose on real processes while people write and read, and judged by the history
//! checker: nothing acknowledged is lost, nothing comes twice, clients see nothing worse than 503 and when to come back,
//! and no instance ever exits. `script/chaos` runs it for longer and replays a seed.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

mod backends;
mod cluster;
mod commit;
mod disk;
mod due;
mod instances;
mod jobs;
mod locks;
mod neighbours;
mod network;
mod notify;
mod postgres;
mod report;
mod restore;
#[path = "../api/emails/server.rs"]
#[expect(dead_code, reason = "tests of e-mail use all of it")]
mod smtp;
mod stage;
