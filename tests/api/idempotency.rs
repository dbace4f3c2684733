//! One key, one message; one pair, one conversation.
