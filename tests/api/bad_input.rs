//! What bad input gets: a problem that names it, and nothing changed.
