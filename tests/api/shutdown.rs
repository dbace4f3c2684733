//! Leaving without anybody losing anything.
