//! What is written for people: the e-mails of `templates/`, and the page on which one turns them off. Every value is escaped
//! where it stands in HTML.

use askama::Template;

use crate::model::{FilledTemplate, Language, TemplateName, TemplateValues};

/// A text for programs without HTML, and the same as HTML.
pub struct Written {
    pub text: String,
    pub html: String,
}

struct Words {
    language: &'static str,
    colon: &'static str,
    why: &'static str,
    stop: &'static str,
}

const FRENCH: Words = Words {
    language: "fr",
    colon: "\u{a0}:",
    why: "Vous recevez ce courriel parce que vous avez un compte sur ce site.",
    stop: "Ne plus recevoir de courriels",
};
const ENGLISH: Words = Words {
    language: "en",
    colon: ":",
    why: "You receive this e-mail because you have an account on this site.",
    stop: "Stop receiving e-mails",
};

/// What both forms of an e-mail say.
#[derive(Clone, Copy)]
struct Said<'a> {
    words: &'a Words,
    title: &'a str,
    message: Option<&'a str>,
    action: &'a str,
    link: &'a str,
    unsubscribe: Option<&'a str>,
}

macro_rules! form {
    ($name:ident, $path:literal) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $name<'a> {
            words: &'a Words,
            title: &'a str,
            message: Option<&'a str>,
            action: &'a str,
            link: &'a str,
            unsubscribe: Option<&'a str>,
        }

        impl<'a> From<Said<'a>> for $name<'a> {
            fn from(said: Said<'a>) -> Self {
                let Said {
                    words,
                    title,
                    message,
                    action,
                    link,
                    unsubscribe,
                } = said;
                Self {
                    words,
                    title,
                    message,
                    action,
                    link,
                    unsubscribe,
                }
            }
        }
    };
}

form!(Html, "email.html");
form!(Text, "email.txt");

/// Fills a template, in `language` where it names none itself.
pub fn write(
    template: &FilledTemplate,
    language: Language,
    unsubscribe: Option<&str>,
) -> Result<Written, askama::Error> {
    let language = template.language.unwrap_or(language);
    // Checked when it was accepted: all that the template needs is there.
    let values = template.values.clone().unwrap_or_default();
    let digest = digest(&values, language);
    let (title, action) = match (template.name, language) {
        (TemplateName::Notification, Language::Fr) => (values.title.as_deref(), "Ouvrir"),
        (TemplateName::Notification, Language::En) => (values.title.as_deref(), "Open"),
        (TemplateName::Digest, Language::Fr) => (Some(&*digest), "Lire les messages"),
        (TemplateName::Digest, Language::En) => (Some(&*digest), "Read the messages"),
    };
    let said = Said {
        words: match language {
            Language::Fr => &FRENCH,
            Language::En => &ENGLISH,
        },
        title: title.unwrap_or_default(),
        message: values.message.as_deref(),
        action,
        link: values.link.as_deref().unwrap_or_default(),
        unsubscribe,
    };
    Ok(Written {
        text: Text::from(said).render()?,
        html: Html::from(said).render()?,
    })
}

/// Subject and first line of an e-mail about unread messages.
pub fn digest(values: &TemplateValues, language: Language) -> String {
    let unread = values.unread_count.unwrap_or_default();
    let conversations = values.conversations.unwrap_or_default();
    let since = values.since.as_deref().unwrap_or_default();
    let many = |count: u32, one: &'static str, several: &'static str| {
        format!("{count} {}", if count == 1 { one } else { several })
    };
    match language {
        Language::Fr => format!(
            "{} dans {} depuis {since}",
            many(unread, "message non lu", "messages non lus"),
            many(conversations, "conversation", "conversations"),
        ),
        Language::En => format!(
            "{} in {} since {since}",
            many(unread, "unread message", "unread messages"),
            many(conversations, "conversation", "conversations"),
        ),
    }
}

struct PageWords {
    language: &'static str,
    heading: &'static str,
    ask: &'static str,
    button: &'static str,
    done: &'static str,
}

#[derive(Template)]
#[template(path = "unsubscribe.html")]
struct Page {
    words: PageWords,
    is_done: bool,
}

/// The page that a link to turn e-mails off leads to, before and after.
pub fn unsubscribe_page(language: Language, is_done: bool) -> Result<String, askama::Error> {
    let words = match language {
        Language::Fr => PageWords {
            language: "fr",
            heading: "Ne plus recevoir de courriels",
            ask: "Ce site ne vous enverra plus de courriels. Vos messages vous attendront sur le site.",
            button: "Ne plus recevoir de courriels",
            done: "C'est fait : ce site ne vous enverra plus de courriels.",
        },
        Language::En => PageWords {
            language: "en",
            heading: "Stop receiving e-mails",
            ask: "This site will send you no more e-mails. Your messages will wait for you on the site.",
            button: "Stop receiving e-mails",
            done: "Done: this site will send you no more e-mails.",
        },
    };
    Page { words, is_done }.render()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(name: TemplateName, values: TemplateValues) -> FilledTemplate {
        FilledTemplate {
            name,
            language: None,
            values: Some(values),
        }
    }

    #[test]
    fn counts_are_worded_in_both_languages() {
        for (unread, conversations, fr, en) in [
            (
                3,
                2,
                "3 messages non lus dans 2 conversations depuis 14:02",
                "3 unread messages in 2 conversations since 14:02",
            ),
            (
                1,
                1,
                "1 message non lu dans 1 conversation depuis 14:02",
                "1 unread message in 1 conversation since 14:02",
            ),
        ] {
            let template = filled(
                TemplateName::Digest,
                TemplateValues {
                    unread_count: Some(unread),
                    conversations: Some(conversations),
                    since: Some("14:02".to_owned()),
                    link: Some("https://a.example/?a=1&b=2".to_owned()),
                    ..TemplateValues::default()
                },
            );
            for (language, words) in [(Language::Fr, fr), (Language::En, en)] {
                let written = write(&template, language, Some("https://u.example/")).expect("it");
                assert!(written.text.starts_with(words), "{}", written.text);
                assert!(written.html.contains(words), "{}", written.html);
                assert!(written.text.contains("https://a.example/?a=1&b=2"));
                assert!(written.html.contains("https://u.example/"));
            }
        }
    }

    #[test]
    fn what_stands_in_html_is_escaped() {
        let hostile = "<script>alert(1)</script>\" onload=\"x' &amp;";
        let template = filled(
            TemplateName::Notification,
            TemplateValues {
                title: Some(hostile.to_owned()),
                message: Some(hostile.to_owned()),
                link: Some("https://a.example/?\"><img src=x>".to_owned()),
                ..TemplateValues::default()
            },
        );
        let written = write(&template, Language::En, None).expect("it");
        for tag in ["<script", "<img", "\" onload", "&amp;\n"] {
            assert!(!written.html.contains(tag), "{}", written.html);
        }
        assert!(written.text.contains(hostile), "a text is no HTML");
    }
}
