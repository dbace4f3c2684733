//! Create or get, list, read, delete for oneself.
