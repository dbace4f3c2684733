//! What an idle poll costs, and how long memory may answer alone.
