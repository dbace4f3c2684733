//! What the service sends, as the server's log has it, and what SQL stands in its sources.

use std::collections::BTreeMap;
use std::path::Path;

/// Sets of parameters with which a statement is tried, of all that were sent.
const SETS: usize = 9;

/// A statement, and with what it was sent.
#[derive(Debug, Clone)]
pub struct Statement {
    pub text: String,
    pub parameters: Vec<Parameters>,
}

/// The values of `$1`, `$2`, … as literals: `'it''s'` or `NULL`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(pub Vec<String>);

impl Parameters {
    /// Of the log's `$1 = 'it''s', $2 = NULL`.
    fn parse(text: &str) -> Self {
        let mut values = Vec::new();
        let mut rest = text;
        while let Some((_, value)) = rest.split_once(" = ") {
            let end = literal_end(value);
            values.push(value[..end].to_owned());
            rest = &value[end..];
        }
        Self(values)
    }

    /// Which of them are said, or chosen.
    fn shape(&self) -> Vec<&str> {
        let kind = |value: &String| match value.as_str() {
            "'t'" => "yes",
            "'f'" => "no",
            value if value.contains("NULL") => "none",
            _ => "some",
        };
        self.0.iter().map(kind).collect()
    }

    pub fn hold(&self, word: &str) -> bool {
        self.0.iter().any(|value| value.contains(word))
    }

    /// The same of another tenant.
    pub fn of(&self, from: &str, to: &str) -> Self {
        Self(self.0.iter().map(|value| value.replace(from, to)).collect())
    }
}

/// Where a literal ends that `text` begins with.
fn literal_end(text: &str) -> usize {
    let Some(inside) = text.strip_prefix('\'') else {
        return text.find(',').unwrap_or(text.len());
    };
    let mut quotes = inside.split('\'');
    let mut end = 1;
    loop {
        end += quotes.next().map_or(0, str::len) + 1;
        // Two are one that is meant.
        if !text[end..].starts_with('\'') {
            return end;
        }
        quotes.next();
        end += 1;
    }
}

impl Statement {
    /// With values in the places of its parameters, and with the same answer each time, as two are compared: the clock says
    /// what it said at the transaction's begin, and of many members the first are looked at, not any.
    pub fn with(&self, parameters: &Parameters) -> String {
        let mut text = String::new();
        let mut parts = self.text.split('$');
        text.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let end = part
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(part.len());
            let number: usize = part[..end].parse().expect("a parameter's number");
            text.push_str(&parameters.0[number - 1]);
            text.push_str(&part[end..]);
        }
        let text = text.replace("clock_timestamp()", "now()");
        text.replace(" limit 20) o) r", " order by o.user_id limit 20) o) r")
    }

    pub fn writes(&self) -> bool {
        let text = normal(&self.text);
        ["insert into ", "update ", "delete from "]
            .iter()
            .any(|verb| text.contains(verb))
    }
}

/// Each statement that was executed with parameters, once.
pub fn in_log(log: &str) -> Vec<Statement> {
    let mut found: BTreeMap<String, Vec<Parameters>> = BTreeMap::new();
    let mut last: Option<String> = None;
    for entry in entries(log) {
        if let Some((_, executed)) = entry.split_once(" LOG:  execute ") {
            let text = executed
                .split_once(": ")
                .map_or("", |(_, text)| text)
                .to_owned();
            found.entry(text.clone()).or_default();
            last = Some(text);
        } else if let Some((_, detail)) = entry.split_once(" DETAIL:  ")
            && let Some(values) = detail
                .to_lowercase()
                .find("parameters: ")
                .filter(|at| *at == 0)
            && let Some(text) = last.take()
        {
            let sets = found.entry(text).or_default();
            let set = Parameters::parse(&detail[values + "parameters: ".len()..]);
            sets.retain(|known| *known != set);
            sets.push(set);
        }
    }
    let statement = |(text, sets): (String, Vec<Parameters>)| {
        let mut parameters = chosen(sets);
        if parameters.is_empty() {
            parameters.push(Parameters::default());
        }
        Statement { text, parameters }
    };
    found.into_iter().map(statement).collect()
}

/// One of each shape, and as many more as there may be, of all times alike.
fn chosen(sets: Vec<Parameters>) -> Vec<Parameters> {
    let mut shapes = Vec::new();
    let (mut chosen, mut rest) = (Vec::new(), Vec::new());
    for set in sets.into_iter().rev() {
        let shape = format!("{:?}", set.shape());
        if shapes.contains(&shape) {
            rest.push(set);
        } else {
            shapes.push(shape);
            chosen.push(set);
        }
    }
    let every = rest.len().div_ceil(SETS).max(1);
    chosen.extend(rest.into_iter().step_by(every));
    chosen
}

/// A line of the log, with those that it goes on in: these begin with a tab.
fn entries(log: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), found.last_mut()) {
            (Some(more), Some(last)) => {
                last.push('\n');
                last.push_str(more);
            }
            _ => found.push(line.to_owned()),
        }
    }
    found
}

/// With one space wherever there is any.
pub fn normal(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every string of `src/store` that is SQL, or a piece of it.
pub fn in_sources() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).expect("the store").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("readable");
        found.extend(
            strings(&text)
                .iter()
                .map(|text| normal(text))
                .filter(|text| is_sql(text)),
        );
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 100, "the store is where it is looked for");
    found
}

fn is_sql(text: &str) -> bool {
    const FIRST: [&str; 8] = [
        "select", "insert", "update", "delete", "with", "from", "cross", "where",
    ];
    let first = text.split([' ', '(']).next().unwrap_or_default();
    text.contains("tenant_id") || (FIRST.contains(&first) && text.contains(' '))
}

/// The string literals of a source, as they stand there. Its comments are whole lines.
fn strings(source: &str) -> Vec<String> {
    let code = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = code.collect::<Vec<_>>().join("\n").replace("'\"'", "");
    // What stands between every second pair of quotes.
    code.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
