//! The import rule and the shape of the source, held by a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/`, by its path below it.
struct Source {
    path: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path
                    .strip_prefix(&root)
                    .expect("below src")
                    .to_string_lossy()
                    .replace('\\', "/");
                found.push(Source {
                    path: name,
                    text: fs::read_to_string(&path).expect("readable"),
                });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 40, "the source is where it is looked for");
    found
}

impl Source {
    /// `routes` of `routes/feed.rs`, `cors` of `cors.rs`.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().expect("a first part")
    }

    /// The code, without comments: what stands in a comment imports nothing.
    fn code(&self) -> String {
        let lines = self
            .text
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        lines
            .map(|line| line.split(" // ").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// The modules of ours that it names, by `crate::x` or `crate::{x, y}`.
    fn names(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut found = BTreeSet::new();
        for rest in code.split("crate::").skip(1) {
            match rest.strip_prefix('{') {
                Some(group) => found.extend(group_members(group)),
                None => found.extend(identifier(rest)),
            }
        }
        found
    }
}

fn identifier(text: &str) -> Option<String> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The first names in `a::b, c::{d, e}, f}`: `a`, `c`, `f`.
fn group_members(group: &str) -> Vec<String> {
    let (mut depth, mut start, mut found) = (0, 0, Vec::new());
    for (i, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => {
                found.extend(identifier(group[start..i].trim_start()));
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                found.extend(identifier(group[start..i].trim_start()));
                start = i + 1;
            }
            _ => {}
        }
    }
    found
}

/// What each layer may name besides itself. `faults` is compiled for the history checker alone.
const LAYERS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("error", &["model", "requests"]),
    ("requests", &["model"]),
    ("store", &["model", "error", "faults"]),
    ("live", &["store", "model", "error", "faults"]),
    ("client_ip", &["config"]),
    (
        "auth",
        &[
            "store",
            "model",
            "error",
            "config",
            "cors",
            "client_ip",
            "requests",
        ],
    ),
    (
        "routes",
        &[
            "store",
            "live",
            "model",
            "auth",
            "error",
            "requests",
            "config",
            "demo",
            "jobs",
            "mail",
            "shutdown",
            "faults",
            "client_ip",
        ],
    ),
    ("mail", &["model", "config", "error"]),
    (
        "jobs",
        &["store", "live", "model", "config", "error", "mail"],
    ),
    ("embedded", &[]),
    ("config", &["model"]),
    ("cors", &["config", "error"]),
];

#[test]
fn each_layer_imports_only_what_lies_below_it() {
    let sources = sources();
    let layers: BTreeSet<_> = LAYERS.iter().map(|(layer, _)| *layer).collect();
    let present: BTreeSet<_> = sources.iter().map(Source::module).collect();
    assert!(layers.is_subset(&present), "{present:?}");
    for source in &sources {
        let module = source.module();
        if let Some((_, allowed)) = LAYERS.iter().find(|(layer, _)| *layer == module) {
            for name in source.names() {
                // `crate::Name` of a macro or type at the root would be a name nobody can place.
                assert!(
                    name == module || allowed.contains(&&*name),
                    "{} imports {name}",
                    source.path
                );
            }
        }
        if !["routes", "lib", "serve", "main"].contains(&module) {
            assert!(
                !source.names().contains("routes"),
                "{} imports routes",
                source.path
            );
        }
        for line in source.code().lines() {
            assert!(!line.contains("super::super::"), "{}: {line}", source.path);
        }
    }
}

#[test]
fn sql_is_written_in_store_alone_and_live_knows_no_http() {
    for source in sources() {
        let code = source.code();
        let (module, path) = (source.module(), &source.path);
        if !["store", "embedded"].contains(&module) {
            for sql in [
                "sqlx::query",
                "query(",
                "query_as(",
                "query_scalar(",
                "raw_sql(",
            ] {
                assert!(!code.contains(sql), "{path}: {sql}");
            }
        }
        if ["live", "model", "embedded"].contains(&module) {
            assert!(!code.contains("rocket"), "{path} knows HTTP");
        }
        if module == "model" {
            assert!(
                !code.contains("PgConnection") && !code.contains("async fn"),
                "{path} is no plain data"
            );
        }
    }
}

#[test]
fn every_file_says_what_it_is_and_none_is_long() {
    let mut lengths = Vec::new();
    for Source { path, text } in sources() {
        assert!(text.starts_with("//! "), "{path} opens with what it is");
        let length = text.lines().count();
        assert!(length <= 300, "{path} has {length} lines");
        lengths.push(length);
        for forbidden in [
            ".unwrap()",
            "todo!",
            "unimplemented!",
            "#[allow",
            "#![allow",
            "unsafe {",
            "TODO",
            "FIXME",
            "dbg!(",
        ] {
            assert!(!text.contains(forbidden), "{path}: {forbidden}");
        }
    }
    lengths.sort_unstable();
    assert!(
        lengths[lengths.len() / 2] <= 150,
        "half of the files are short: {lengths:?}"
    );
}

#[test]
fn no_function_is_longer_than_a_screen() {
    let mut count = 0;
    for Source { path, text } in sources() {
        let lines: Vec<_> = text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let Some(name) = function(line) else { continue };
            let indent = line.len() - line.trim_start().len();
            let is_end = |line: &&str| {
                line.len() - line.trim_start().len() == indent
                    && (line.trim() == "}"
                        || line.ends_with(';')
                        || line.ends_with(" {}")
                        || line.ends_with("{ }"))
            };
            let length = 1 + lines[start..].iter().position(is_end).expect("it ends");
            assert!(length <= 60, "{path}: {name} has {length} lines");
            count += 1;
        }
    }
    assert!(count > 200, "functions are found: {count}");
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    loop {
        match words.next()? {
            "fn" => return words.next()?.split(['(', '<']).next(),
            word if word == "pub"
                || word.starts_with("pub(")
                || ["async", "const", "unsafe", "extern"].contains(&word) => {}
            _ => return None,
        }
    }
}
