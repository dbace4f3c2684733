//! The address of one person, as it stands in an SMTP command and a header: no name, no list, no comment, nothing quoted.

use super::text::{is_bidi_control, is_line_break};
use super::{FieldCode, Problems};

/// RFC 5321, 4.5.3.1.3, without the angle brackets.
const LONGEST: usize = 254;

impl Problems {
    /// One address in ASCII, `somebody@example.org`, at most 254 characters.
    pub fn email(&mut self, text: &str) {
        if text.contains('\0') {
            self.add(FieldCode::NulCharacter);
        } else if text.chars().any(is_line_break) {
            self.add(FieldCode::LineBreak);
        } else if text.chars().any(char::is_control) {
            self.add(FieldCode::ControlCharacter);
        } else if text.chars().any(is_bidi_control) {
            self.add(FieldCode::BidiControl);
        } else if text.chars().count() > LONGEST {
            self.over(FieldCode::TooLong, LONGEST);
        } else if !is_address(text) {
            self.add(FieldCode::InvalidEmail);
        }
    }
}

/// What mail is really sent to: a dot-atom, `@`, and a name of two labels or more. RFC 5321 allows more, for which servers
/// have many readings.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_atom = |part: &str| {
        let of_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        !part.is_empty() && part.chars().all(of_atom)
    };
    let is_label = |label: &str| {
        let of_label = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_whole = !label.starts_with('-') && !label.ends_with('-');
        (1..=63).contains(&label.len()) && is_whole && label.chars().all(of_label)
    };
    let top = domain.rsplit('.').next().unwrap_or_default();
    local.len() <= 64
        && local.split('.').all(is_atom)
        && domain.contains('.')
        && domain.split('.').all(is_label)
        // An address of a machine is no name.
        && !top.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Option<FieldCode> {
        let mut problems = Problems::default();
        problems.email(text);
        problems.found.first().map(|problem| problem.code)
    }

    #[test]
    fn one_address_and_nothing_beside_it() {
        for text in [
            "a@b.example",
            "anne-marie.o'neil+chat@mail.xn--bcher-kva.example",
            "x@1.example",
        ] {
            assert_eq!(code(text), None, "{text}");
        }
        let long = format!("{}@b.example", "a".repeat(65));
        for text in [
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a@b@c.example",
            "a@b.example, c@d.example",
            "a@b.example;c@d.example",
            "a@b.example c@d.example",
            "A <a@b.example>",
            "<a@b.example>",
            "a@b.example (x)",
            "\"a b\"@c.example",
            "a..b@c.example",
            ".a@b.example",
            "a@b..example",
            "a@.b.example",
            "a@b.example.",
            "a@-b.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "mailto:a@b.example",
            "é@b.example",
            "a@bücher.example",
            &long,
        ] {
            assert_eq!(code(text), Some(FieldCode::InvalidEmail), "{text}");
        }
        for (text, expected) in [
            ("a@b.example\r\nBcc: c@d.example", FieldCode::LineBreak),
            ("a@b.example\n", FieldCode::LineBreak),
            ("a@b.example\0", FieldCode::NulCharacter),
            ("a\t@b.example", FieldCode::ControlCharacter),
            ("a\u{202e}@b.example", FieldCode::BidiControl),
        ] {
            assert_eq!(code(text), Some(expected), "{text:?}");
        }
        let long = format!("a@{}.example", "b".repeat(250));
        assert_eq!(code(&long), Some(FieldCode::TooLong));
    }
}
