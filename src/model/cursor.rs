//! A place in the log, as clients carry it: opaque to them, `c<epoch>-<position>` to us.

use std::fmt;
use std::str::FromStr;

/// An event's place in the log. Commit order and position order are the same.
pub type Position = i64;

/// Which log a position belongs to: 8 hexadecimal digits, drawn anew after a restore or a lossy failover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Epoch(u32);

impl Epoch {
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let lower_hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 8 || !text.bytes().all(lower_hex) {
            return Err(CursorError);
        }
        u32::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| CursorError)
    }
}

/// Exclusive: `since=c` asks for what comes after `c`. The same on poll, long-poll and stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub epoch: Epoch,
    pub position: Position,
}

/// The text is no cursor. One text per cursor: leading zeros and signs are refused, so that cursors compare as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this service")]
pub struct CursorError;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{}-{}", self.epoch, self.position)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (epoch, position) = text
            .strip_prefix('c')
            .and_then(|rest| rest.split_once('-'))
            .ok_or(CursorError)?;
        let canonical = position == "0" || !position.starts_with('0');
        if !canonical || !position.bytes().all(|b| b.is_ascii_digit()) {
            return Err(CursorError);
        }
        Ok(Self {
            epoch: epoch.parse()?,
            position: position.parse().map_err(|_| CursorError)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_own_text() {
        let cursor = Cursor {
            epoch: Epoch(0x00ab_cdef),
            position: 1042,
        };
        assert_eq!(cursor.to_string(), "c00abcdef-1042");
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn only_the_one_text_of_a_cursor_is_read() {
        for text in [
            "",
            "c",
            "0",
            "c00abcdef",
            "c00abcdef-",
            "c00abcdef-01",
            "c00abcdef-+1",
            "c00abcdef--1",
            "c00ABCDEF-1",
            "C00abcdef-1",
            "c0abcdef-1",
            "c+0abcdef-1",
            "c00abcdef-1 ",
            "c00abcdef-99999999999999999999",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }
}
