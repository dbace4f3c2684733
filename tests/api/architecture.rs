//! The import rule and the shape of the source, held by a test.
