//! People, as tokens and the host describe them.
