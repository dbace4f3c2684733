//! Sending, paging, following one conversation, reading.
