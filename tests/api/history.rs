//! The history checker on two instances.
