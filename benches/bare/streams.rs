//! Rocket's own EventStream, fed by a broadcast: what its guide shows, without its `Lagged(_) => continue`.

use rocket::response::stream::{Event, EventStream};
use rocket::tokio::sync::broadcast::{Sender, channel};
use rocket::{State, get, post};

/// What everybody is sent: a number and a payload.
pub struct Hub(Sender<(usize, String)>);

/// More than any burst: nobody lags.
const CAPACITY: usize = 4096;

impl Hub {
    pub fn new() -> Self {
        Self(channel(CAPACITY).0)
    }
}

#[get("/stream")]
pub fn stream(hub: &State<Hub>) -> EventStream![] {
    let mut receiver = hub.0.subscribe();
    EventStream! {
        yield Event::empty().event("hello");
        while let Ok((id, payload)) = receiver.recv().await {
            yield Event::data(payload).event("message.created").id(id.to_string());
        }
    }
}

/// Sends the body to every stream, `times` times.
#[post("/burst?<times>", data = "<payload>")]
pub fn burst(times: usize, payload: String, hub: &State<Hub>) {
    for id in 0..times {
        // Fails only when nobody listens, and then the benchmark counts nothing.
        let _ = hub.0.send((id, payload.clone()));
    }
}
