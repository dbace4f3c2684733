//! Whoever is removed, leaves, or is in a conversation that is deleted, while others write: nothing after their last event.

mod lagging;
