//! Texts: ids and keys, the names that people see, and what people write.
//!
//! A name is kept in NFC, so that the file that a Mac calls `e` + accent is found by whoever types `é`. It stands in
//! sentences and lists of others, so it must not break a line or turn the direction of what follows. The joiners may stand
//! in it: Persian and emoji need them.

use icu_properties::CodePointSetData;
use icu_properties::props::DefaultIgnorableCodePoint;
use serde::{Deserialize, Deserializer};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::{FieldCode, Problems};

impl Problems {
    /// An id from outside: 1–128 characters, no control characters.
    pub fn id(&mut self, text: &str) {
        self.key(text, 128);
    }

    /// What programs compare: 1 to `max` characters, not only invisible ones, no control characters.
    pub fn key(&mut self, text: &str, max: usize) {
        if text.contains('\0') {
            self.add(FieldCode::NulCharacter);
        } else if text.chars().any(char::is_control) {
            self.add(FieldCode::ControlCharacter);
        } else {
            self.length(text, text, max);
        }
    }

    /// One line that people see: a key without line breaks and without what turns the direction of its neighbours.
    pub fn name(&mut self, text: &str, max: usize) {
        if text.chars().any(is_line_break) {
            self.add(FieldCode::LineBreak);
        } else if text.chars().any(is_bidi_control) {
            self.add(FieldCode::BidiControl);
        } else {
            self.key(text, max);
        }
    }

    /// Text as people write it: 1 to `max` characters without the white space around it, line breaks allowed, no NUL
    /// (Postgres cannot store it).
    pub fn text(&mut self, text: &str, max: usize) {
        if text.contains('\0') {
            self.add(FieldCode::NulCharacter);
        } else {
            self.length(text, text.trim(), max);
        }
    }

    fn length(&mut self, text: &str, counted: &str, max: usize) {
        if text.chars().all(is_invisible) {
            self.add(FieldCode::Blank);
        } else if counted.chars().count() > max {
            self.over(FieldCode::TooLong, max);
        }
    }
}

/// The text in Unicode's composed form.
pub fn in_nfc(text: String) -> String {
    if is_nfc(&text) {
        text
    } else {
        text.nfc().collect()
    }
}

/// For `deserialize_with`: a name, in NFC before anything compares or hashes it.
pub fn nfc<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(from)?.map(in_nfc))
}

/// The same of one that must be there.
pub fn nfc_text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(in_nfc)
}

/// The same, where null says something else than nothing.
pub fn nfc_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    nfc(from).map(Some)
}

/// A name as it may stand in a sentence: ids are the host's own, and names may be older than the rule for them.
pub fn one_line(text: &str) -> String {
    let safe = |c: &char| !is_line_break(*c) && !is_bidi_control(*c);
    text.chars().filter(safe).collect()
}

pub(super) fn is_line_break(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Unicode's Bidi_Control: embeddings, overrides and isolates, which reach to the end of the line, and the three marks.
pub(super) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Blank to the eye: white space, what Unicode says a font may leave out, and what draws nothing all the same (the
/// empty Braille pattern, a note without head or stem, fillers, annotations, joiners of hieroglyphs).
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        || matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{16fe4}' | '\u{1d159}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(check: impl FnOnce(&mut Problems)) -> Option<FieldCode> {
        let mut problems = Problems::default();
        check(&mut problems);
        problems.found.first().map(|problem| problem.code)
    }

    #[test]
    fn what_draws_nothing_is_blank() {
        let hidden = "\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{17b4}\u{180e}\u{180f}\u{200b}\u{200e}\u{202e}\u{2060}\u{2064}\
            \u{206f}\u{2800}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff0}\u{fffb}\u{1343f}\u{16fe4}\u{1bca0}\u{1d159}\
            \u{1d173}\u{e0001}\u{e0067}\u{e007f}\u{e0100}\u{e01ef}\u{e0fff}\u{85}\u{2028}";
        for c in hidden.chars() {
            assert_eq!(
                code(|p| p.text(&c.to_string(), 10)),
                Some(FieldCode::Blank),
                "{c:?}"
            );
            assert_eq!(code(|p| p.text(&format!("{c}x"), 10)), None, "{c:?}");
        }
        assert_eq!(code(|p| p.text(hidden, 100)), Some(FieldCode::Blank));
        for seen in [
            "\u{301}",
            ".",
            "\u{fffd}",
            "\u{e000}",
            "©\u{fe0f}",
            "\u{600}",
        ] {
            assert_eq!(code(|p| p.text(seen, 10)), None, "{seen:?}");
        }
    }

    #[test]
    fn white_space_around_it_counts_but_where_people_write() {
        let padded = format!("x{}", "\u{2003} ".repeat(10));
        assert_eq!(code(|p| p.key(&padded, 10)), Some(FieldCode::TooLong));
        assert_eq!(code(|p| p.name(&padded, 10)), Some(FieldCode::TooLong));
        assert_eq!(code(|p| p.text(&padded, 10)), None);
    }

    #[test]
    fn a_name_keeps_to_its_line_and_direction() {
        for (text, expected) in [
            ("a\nb", Some(FieldCode::LineBreak)),
            ("a\u{2029}b", Some(FieldCode::LineBreak)),
            ("a\u{85}b", Some(FieldCode::LineBreak)),
            ("\u{202e}fdp.exe", Some(FieldCode::BidiControl)),
            ("a\u{2067}b\u{2069}", Some(FieldCode::BidiControl)),
            ("a\tb", Some(FieldCode::ControlCharacter)),
            ("C++ \u{5de}\u{200e}", Some(FieldCode::BidiControl)),
            ("\u{200f}\u{5de}", Some(FieldCode::BidiControl)),
            ("\u{61c}\u{627}", Some(FieldCode::BidiControl)),
            ("\u{645}\u{6cc}\u{200c}\u{62e}", None),
            (
                "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 👩\u{200d}👧",
                None,
            ),
        ] {
            assert_eq!(code(|p| p.name(text, 200)), expected, "{text:?}");
        }
        assert_eq!(one_line("a\u{202e}\r\nb\u{200f}"), "ab");
        assert_eq!(in_nfc("e\u{301}te\u{301}".to_owned()), "été");
    }
}
