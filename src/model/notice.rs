//! What a conversation says of itself: who joined, who left, what it is called now. Worded once, in the tenant's language.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::rules::one_line;

/// The language of what is stored: a setting of the tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    En,
    Fr,
}

impl Language {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Fr => "fr",
        }
    }

    /// What a person who was erased is called.
    pub fn deleted_account(self) -> &'static str {
        match self {
            Self::En => "Deleted account",
            Self::Fr => "Compte supprimé",
        }
    }

    /// The language in which a notice was worded: the setting may have changed since.
    pub fn of_notice(words: &str) -> Self {
        let french = [
            " a ajouté ",
            " a retiré ",
            " a renommé ",
            " la conversation.",
            "La conversation ",
        ];
        match french.iter().any(|words_of| words.contains(words_of)) {
            true => Self::Fr,
            false => Self::En,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum NoticeType {
    Joined,
    Left,
    Renamed,
}

/// What a notice says, for clients that word it themselves. Notices are SYSTEM messages and never unread.
// The fields stand as Postgres orders the keys of an object: what is shown first is what every later read shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    pub r#type: NoticeType,
    /// Who did it; null for the host's backend.
    #[schema(required)]
    pub actor_id: Option<String>,
    /// What the conversation is called now.
    #[schema(required)]
    pub subject: Option<String>,
    /// Who joined or left.
    pub user_ids: Vec<String>,
}

/// Of many who join at once, so many are named.
const NAMED: usize = 5;

impl Notice {
    /// In words. `name` gives what a person is called.
    pub fn words(&self, language: Language, name: impl Fn(&str) -> String) -> String {
        let name = |id: &str| one_line(&name(id));
        let actor = self.actor_id.as_deref();
        let is_own = actor.is_some_and(|actor| self.user_ids == [actor]);
        let actor = actor.filter(|_| !is_own).map(&name);
        let names: Vec<String> = self
            .user_ids
            .iter()
            .take(NAMED)
            .map(|id| name(id))
            .collect();
        let who = list(language, names, self.user_ids.len());
        let many = self.user_ids.len() > 1;
        let subject = self.subject.as_deref().map(one_line);
        use Language::{En, Fr};
        use NoticeType::{Joined, Left, Renamed};
        match (self.r#type, language, actor, subject) {
            (Joined, En, None, _) => format!("{who} joined the conversation."),
            (Joined, En, Some(actor), _) => format!("{actor} added {who}."),
            (Joined, Fr, None, _) => format!(
                "{who} {} la conversation.",
                if many { "ont rejoint" } else { "a rejoint" }
            ),
            (Joined, Fr, Some(actor), _) => format!("{actor} a ajouté {who}."),
            (Left, En, None, _) => format!("{who} left the conversation."),
            (Left, En, Some(actor), _) => format!("{actor} removed {who}."),
            (Left, Fr, None, _) => format!(
                "{who} {} la conversation.",
                if many { "ont quitté" } else { "a quitté" }
            ),
            (Left, Fr, Some(actor), _) => format!("{actor} a retiré {who}."),
            (Renamed, En, None, Some(s)) => format!("The conversation is now called “{s}”."),
            (Renamed, En, Some(actor), Some(s)) => {
                format!("{actor} renamed the conversation “{s}”.")
            }
            (Renamed, Fr, None, Some(s)) => {
                format!("La conversation s'appelle maintenant « {s} ».")
            }
            (Renamed, Fr, Some(actor), Some(s)) => {
                format!("{actor} a renommé la conversation « {s} ».")
            }
            (Renamed, En, None, None) => "The conversation has no name any more.".to_owned(),
            (Renamed, En, Some(actor), None) => {
                format!("{actor} took away the conversation's name.")
            }
            (Renamed, Fr, None, None) => "La conversation n'a plus de nom.".to_owned(),
            (Renamed, Fr, Some(actor), None) => {
                format!("{actor} a retiré le nom de la conversation.")
            }
        }
    }
}

/// "Ann, Bob and Cleo", "Ann, Bob et 40 autres".
fn list(language: Language, mut names: Vec<String>, all: usize) -> String {
    let (and, others) = match language {
        Language::En => ("and", "others"),
        Language::Fr => ("et", "autres"),
    };
    let left_out = all.saturating_sub(names.len());
    let last = match left_out {
        0 => names.pop(),
        1 => names.pop().map(|_| format!("2 {others}")),
        more => Some(format!("{more} {others}")),
    };
    match last {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} {and} {last}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(language: Language, r#type: NoticeType, actor: Option<&str>, who: &[&str]) -> String {
        let notice = Notice {
            r#type,
            actor_id: actor.map(str::to_owned),
            user_ids: who.iter().map(|id| (*id).to_owned()).collect(),
            subject: (r#type == NoticeType::Renamed).then(|| "Soirée".to_owned()),
        };
        notice.words(language, |id| id.to_uppercase())
    }

    #[test]
    fn a_notice_says_who_did_what_to_whom() {
        use Language::{En, Fr};
        use NoticeType::{Joined, Left, Renamed};
        for (said, expected) in [
            (
                words(En, Joined, None, &["ann"]),
                "ANN joined the conversation.",
            ),
            (
                words(Fr, Joined, Some("bob"), &["ann", "cleo"]),
                "BOB a ajouté ANN et CLEO.",
            ),
            (
                words(Fr, Left, Some("ann"), &["ann"]),
                "ANN a quitté la conversation.",
            ),
            (words(En, Left, Some("bob"), &["ann"]), "BOB removed ANN."),
            (
                words(Fr, Renamed, Some("bob"), &[]),
                "BOB a renommé la conversation « Soirée ».",
            ),
            (
                words(Fr, Joined, None, &["a", "b", "c", "d", "e", "f"]),
                "A, B, C, D et 2 autres ont rejoint la conversation.",
            ),
            (
                words(En, Joined, Some("z"), &["a", "b", "c", "d", "e", "f", "g"]),
                "Z added A, B, C, D, E and 2 others.",
            ),
        ] {
            assert_eq!(said, expected);
        }
    }
}
