//! Statements that have forgotten the tenant in one place: what the replay must catch, or it is vain.

use super::statements::Statement;

/// Each statement as often as it compares tenants, without one of the comparisons.
pub fn of(statements: &[Statement]) -> Vec<Statement> {
    let mutants = |statement: &Statement| {
        let texts = forgetful(&statement.text).into_iter();
        let parameters = statement.parameters.clone();
        texts.map(move |text| Statement {
            text,
            parameters: parameters.clone(),
        })
    };
    statements
        .iter()
        .flat_map(|one| mutants(one).collect::<Vec<_>>())
        .collect()
}

fn forgetful(text: &str) -> Vec<String> {
    const NAME: &str = "tenant_id";
    const JOIN: (&str, &str) = ("using (tenant_id, ", "using (");
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '$';
    let mut found = Vec::new();
    for (at, _) in text.match_indices("tenant_id = ") {
        let start = text[..at]
            .rfind(|c| !is_of_name(c))
            .map_or(0, |before| before + 1);
        let right = at + NAME.len() + " = ".len();
        let end = text[right..]
            .find(|c| !is_of_name(c))
            .map_or(text.len(), |length| right + length);
        found.push(format!("{}true{}", &text[..start], &text[end..]));
    }
    for (at, _) in text.match_indices(JOIN.0) {
        found.push(format!(
            "{}{}{}",
            &text[..at],
            JOIN.1,
            &text[at + JOIN.0.len()..]
        ));
    }
    found
}
