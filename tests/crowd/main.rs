//! Many people at once: some vanish, some stop reading, some send half a request, and all go through a deploy.
//!
//! A tenth of the real sizes, unless `CAUSERIE_TEST_FULL` is set in a release build (`script/test --full` does both).
//! What is right or wrong is asserted at any size; how fast something is, at the real sizes only, and printed always.

#[path = "../support/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared by the test binaries; none uses all of it"
)]
mod support;

mod connection;
mod deploy;
mod deploy_clients;
mod figures;
#[path = "../support/workload/frames.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "it is private to the workload, which is not used here"
)]
mod frames;
mod half_sent;
mod slow;
mod vanishing;
