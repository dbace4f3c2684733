//! Cursors come back from anybody: one text for each, and none for anything else.

use causerie::model::Cursor;

use crate::made_up::{Change, changed};

const ALPHABET: &[char] = &[
    'c', '-', '0', '1', '9', 'a', 'f', 'F', 'g', '+', ' ', '٣', '\0',
];

/// What is read as a cursor is printed as it was written.
fn holds(text: &str) -> Option<Cursor> {
    let cursor: Cursor = text.parse().ok()?;
    assert_eq!(cursor.to_string(), text, "two texts of one cursor");
    assert!(text.len() <= 64);
    assert!(
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
        "{text:?} is not URL-safe"
    );
    Some(cursor)
}

#[test]
fn a_cursor_has_one_text() {
    bolero::check!()
        .with_type::<(u32, i64, Vec<Change>)>()
        .for_each(|(epoch, position, changes)| {
            let good = format!(
                "c{epoch:08x}-{}",
                position.unsigned_abs().min(i64::MAX.unsigned_abs())
            );
            let cursor = holds(&good).expect("a cursor");
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
            holds(&changed(&good, changes, ALPHABET));
        });
}

#[test]
fn noise_is_no_cursor_or_one_that_prints_the_same() {
    bolero::check!().with_type::<String>().for_each(|text| {
        holds(text);
        holds(&format!("c{text}"));
    });
}
