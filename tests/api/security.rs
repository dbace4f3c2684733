//! SECURITY.md: every line of the standard is answered, and each "met" by tests that exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// How many requirements of levels 1 and 2 each section of ASVS 5.0 has. They are numbered first; those of level 3, and
/// a few between them, follow.
const SECTIONS: &[(&str, &[u32])] = &[
    ("1.1", &[1, 2]),
    ("1.2", &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("1.3", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
    ("1.4", &[1, 2, 3]),
    ("1.5", &[1, 2]),
    ("2.1", &[1, 2, 3]),
    ("2.2", &[1, 2, 3]),
    ("2.3", &[1, 2, 3, 4]),
    ("2.4", &[1]),
    ("3.2", &[1, 2]),
    ("3.3", &[1, 2, 3, 4]),
    ("3.4", &[1, 2, 3, 4, 5, 6]),
    ("3.5", &[1, 2, 3, 4, 5]),
    ("3.7", &[1, 2]),
    ("4.1", &[1, 2, 3]),
    ("4.2", &[1]),
    ("7.1", &[1, 2, 3]),
    ("7.2", &[1, 2, 3, 4]),
    ("7.3", &[1, 2]),
    ("7.4", &[1, 2, 3, 4, 5]),
    ("7.5", &[1, 2]),
    ("7.6", &[1, 2]),
    ("8.1", &[1, 2]),
    ("8.2", &[1, 2, 3]),
    ("8.3", &[1]),
    ("8.4", &[1]),
    ("9.1", &[1, 2, 3]),
    ("9.2", &[1, 2, 3, 4]),
    ("11.1", &[1, 2]),
    ("11.2", &[1, 2, 3]),
    ("11.3", &[1, 2, 3]),
    ("11.4", &[1, 2, 3]),
    ("11.5", &[1]),
    ("11.6", &[1]),
    ("12.1", &[1, 2, 3]),
    ("12.2", &[1, 2]),
    ("12.3", &[1, 2, 3, 4]),
    ("13.1", &[1]),
    ("13.2", &[1, 2, 3, 4, 5]),
    ("13.3", &[1, 2]),
    ("13.4", &[1, 2, 3, 4, 5]),
    ("14.1", &[1, 2]),
    ("14.2", &[1, 2, 3, 4]),
    ("14.3", &[1, 2, 3]),
    ("15.1", &[1, 2, 3]),
    ("15.2", &[1, 2, 3]),
    ("15.3", &[1, 2, 3, 4, 5, 6, 7]),
    ("16.1", &[1]),
    ("16.2", &[1, 2, 3, 4, 5]),
    ("16.3", &[1, 2, 3, 4]),
    ("16.4", &[1, 2, 3]),
    ("16.5", &[1, 2, 3]),
];
/// Of these nothing applies, and one line says why.
const WHOLE: &[&str] = &[
    "4.3.1–4.4.4",
    "5.1.1–5.4.3",
    "6.1.1–6.8.4",
    "10.1.1–10.7.3",
    "17.1.1–17.3.2",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `1.2.6–1.2.8, 1.3.1` one by one.
fn expand(cell: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in cell.split(", ") {
        let (from, to) = part.split_once('–').unwrap_or((part, part));
        let (section, first) = from.rsplit_once('.').expect("a number");
        let (same, last) = to.rsplit_once('.').expect("a number");
        assert_eq!(section, same, "{cell}");
        let number = |text: &str| text.parse::<u32>().expect("a number");
        found.extend((number(first)..=number(last)).map(|one| format!("{section}.{one}")));
    }
    found
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        match entry.file_type().expect("known").is_dir() {
            true => files_below(&entry.path(), found),
            false => found.push(entry.path()),
        }
    }
}

/// The tests by each module, or binary, that they are in.
fn tests() -> BTreeMap<String, BTreeSet<String>> {
    let mut files = Vec::new();
    files_below(&root().join("tests"), &mut files);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|kind| kind == "rs"))
    {
        let source = fs::read_to_string(file).expect("readable");
        let relative = file.strip_prefix(root().join("tests")).expect("below it");
        let module = file.file_stem().and_then(|stem| stem.to_str());
        let above = relative.parent().into_iter().flat_map(Path::iter);
        let places: Vec<_> = above
            .filter_map(|name| name.to_str())
            .chain(module)
            .collect();
        for place in &places {
            let of = found.entry((*place).to_owned()).or_default();
            of.extend(tests_in(&source).map(str::to_owned));
        }
    }
    found
}

/// Those that are run.
fn tests_in(source: &str) -> impl Iterator<Item = &str> {
    let (mut is_test, mut is_ignored) = (false, false);
    source.lines().filter_map(move |line| {
        is_test |= line.starts_with("#[tokio::test") || line == "#[test]";
        is_ignored |= line.starts_with("#[ignore");
        let line = line.trim_start_matches("pub ");
        let name = line.trim_start_matches("async ").strip_prefix("fn ")?;
        let is_run = is_test && !is_ignored;
        (is_test, is_ignored) = (false, false);
        is_run.then(|| name.split('(').next().unwrap_or_default())
    })
}

#[test]
fn what_is_not_run_shows_nothing() {
    let source = "
fn a_helper() {}
#[test]
fn one() {}
#[tokio::test(flavor = \"multi_thread\")]
#[ignore = \"too slow\"]
async fn ignored() {}
#[ignore]
#[test]
fn ignored_as_well() {}
pub async fn after_it() {}
#[tokio::test]
async fn two() {}
";
    assert_eq!(tests_in(source).collect::<Vec<_>>(), ["one", "two"]);
}

/// `module::test` of Rust, a whole `module` of another binary, or a file of the client's tests.
fn exists(name: &str, tests: &BTreeMap<String, BTreeSet<String>>) -> bool {
    if name.ends_with(".test.js") {
        return root().join("tests/client").join(name).is_file();
    }
    let mut parts: Vec<_> = name.split("::").collect();
    let last = parts.pop().unwrap_or_default();
    let module = parts.pop().unwrap_or_default();
    tests.get(module).is_some_and(|of| of.contains(last))
        || root().join(format!("tests/{module}/{last}.rs")).is_file() && tests.contains_key(last)
}

/// What stands between backticks and looks like a test.
fn named(text: &str) -> Vec<&str> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| {
            name.ends_with(".test.js")
                || name.contains("::") && !name.ends_with(':') && !name.ends_with('…')
        })
        .collect()
}

#[test]
fn every_line_of_the_standard_is_answered() {
    let text = fs::read_to_string(root().join("SECURITY.md")).expect("SECURITY.md");
    let tests = tests();
    let mut answered = BTreeSet::new();
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [number, answer] = cells[..] else {
            continue;
        };
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let numbers = match WHOLE.contains(&number) {
            true => vec![number.to_owned()],
            false => expand(number),
        };
        for number in numbers {
            assert!(
                answered.insert(number.clone()),
                "{number} is answered twice"
            );
        }
        let is_met = answer.starts_with("met: ");
        assert!(
            is_met && !named(answer).is_empty()
                || answer.starts_with("not met, because ")
                || answer.starts_with("not applicable, because "),
            "{row}"
        );
    }
    let each = |(section, numbers): &(&str, &[u32])| {
        numbers
            .iter()
            .map(|one| format!("{section}.{one}"))
            .collect::<Vec<_>>()
    };
    let mut expected: BTreeSet<_> = SECTIONS.iter().flat_map(each).collect();
    expected.extend(WHOLE.iter().map(|one| (*one).to_owned()));
    assert_eq!(answered, expected);
    let missing: Vec<_> = named(&text)
        .into_iter()
        .filter(|name| !exists(name, &tests))
        .collect();
    assert!(missing.is_empty(), "no such tests: {missing:#?}");
}

#[test]
fn what_the_compiler_is_told_stands() {
    let cargo = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    for line in ["unsafe_code = \"forbid\"", "unwrap_used = \"deny\""] {
        assert!(cargo.contains(line), "{line}");
    }
    // What tokens are checked by, and no other implementation beside it.
    let mut lines = cargo.lines();
    let tokens = lines.find(|line| line.starts_with("jsonwebtoken = "));
    let tokens = tokens.expect("a line of its own");
    assert!(
        tokens.contains("default-features = false, features = [\"aws_lc_rs\", "),
        "{tokens}"
    );
    assert!(!tokens.contains("rust_crypto"), "{tokens}");
    let lock = fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock");
    let parts = lock.matches("[[package]]").count();
    // All but this one come with the hash of what is built.
    assert_eq!(lock.matches("checksum = ").count(), parts - 1);
}
