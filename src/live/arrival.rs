//! What a cursor that comes back proves: everything up to it has reached a device.

use std::sync::atomic::Ordering;

use uuid::Uuid;

use super::feed::Feed;
use crate::model::Position;

#[derive(Debug)]
pub struct Arrival {
    /// The stretch of the feed that has arrived: above this position, up to the cursor's.
    pub after: Position,
    pub up_to: Position,
    /// How far others' messages of PRIVATE conversations have come by it.
    pub horizons: Vec<(Uuid, i64)>,
}

impl Feed {
    /// A device has everything up to `position`. Gives what that is news of; none when nothing for this user lies there.
    /// An idle poll, whose cursor stands where it stood, is one comparison.
    pub fn acknowledge(&self, position: Position) -> Option<Arrival> {
        let before = self.acknowledged.fetch_max(position, Ordering::Relaxed);
        if before >= position {
            return None;
        }
        let mut state = self.state();
        let after = before.max(state.floor);
        let next = state
            .held
            .partition_point(|held| held.row.position <= after);
        let next = state.held.get(next).map(|held| held.row.position);
        let horizons = state.deliver(position);
        let is_news = next.is_some_and(|next| next <= position) || !horizons.is_empty();
        is_news.then_some(Arrival {
            after,
            up_to: position,
            horizons,
        })
    }
}
