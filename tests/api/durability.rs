//! What is acknowledged is there, whatever is killed.
