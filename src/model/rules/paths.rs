//! Where a notification leads: to an address, or to a path of the site that shows it.

use super::links::is_unclear;
use super::{FieldCode, Problems};

impl Problems {
    /// A URL by the rules of `links`, or a path of the site that shows it: `/appointments/12`, never `//host`.
    pub fn link(&mut self, text: &str) {
        if !text.starts_with('/') {
            self.url(text);
        } else if text.chars().count() > 2048 {
            self.over(FieldCode::TooLong, 2048);
        } else if text.starts_with("//") || text.chars().any(is_unclear) {
            self.add(FieldCode::InvalidUrl);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_on_the_site_that_shows_it() {
        let code = |text: &str| {
            let mut problems = Problems::default();
            problems.link(text);
            problems.found.first().map(|problem| problem.code)
        };
        for text in ["/", "/a/b?c=d#e", "/%2e%2e/é", "https://a.example/"] {
            assert_eq!(code(text), None, "{text:?}");
        }
        for text in [
            "//a.example/",
            "/\\a.example/",
            "/\t/a.example/",
            "/a b",
            "/\u{202e}",
            "a/b",
            "",
            "javascript:alert(1)",
            "data:text/html,x",
        ] {
            assert_eq!(code(text), Some(FieldCode::InvalidUrl), "{text:?}");
        }
        let long = format!("/{}", "a".repeat(2048));
        assert_eq!(code(&long), Some(FieldCode::TooLong));
    }
}
