//! Fuzz targets: what strangers send, read; and what people wrote, sent on. Each says what must hold, not only that
//! nothing panics.

mod body;
mod cursor;
mod made_up;
mod sse;
mod token;
