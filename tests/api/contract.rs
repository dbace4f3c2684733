//! The routes mounted, the committed description and the running service are one set.
