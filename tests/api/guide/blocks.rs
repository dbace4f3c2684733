//! Blocks of code in docs/*.md: a block that names a file is that file's text, and all say whether a test runs them.

use std::collections::BTreeSet;
use std::fs;

use super::{read, root};

/// One block between fences.
pub struct Block {
    /// Where it stands: "integrate.md:12".
    place: String,
    /// What follows the opening fence: a language, and a file's name if it has one.
    pub info: String,
    /// The line before the fence, empty lines aside.
    before: String,
    pub text: String,
}

impl Block {
    /// The file that it shows, below docs/.
    fn file(&self) -> Option<&str> {
        self.info.split_whitespace().nth(1)
    }
}

/// The blocks of a page in docs/.
pub fn of(page: &str) -> Vec<Block> {
    let text = read(&format!("docs/{page}"));
    let mut lines = text.lines().enumerate();
    let (mut found, mut before) = (Vec::new(), "");
    while let Some((at, line)) = lines.next() {
        assert!(!line.trim_start().starts_with("~~~"), "{page}: {line}");
        let Some(info) = line.trim_start().strip_prefix("```") else {
            if !line.trim().is_empty() {
                before = line;
            }
            continue;
        };
        let indent = line.len() - line.trim_start().len();
        let inside = lines.by_ref().map(|(_, line)| line);
        let inside = inside.take_while(|line| line.trim() != "```");
        let inside = inside.map(|line| line.get(indent..).unwrap_or_default().to_owned() + "\n");
        found.push(Block {
            place: format!("{page}:{}", at + 1),
            info: info.to_owned(),
            before: before.to_owned(),
            text: inside.collect(),
        });
        before = "";
    }
    found
}

fn pages() -> Vec<String> {
    let files = fs::read_dir(root("docs")).expect("docs");
    let names = files.map(|file| file.expect("readable").file_name());
    let names = names.map(|name| name.into_string().expect("UTF-8"));
    let mut pages: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    pages.sort();
    assert!(pages.len() >= 4, "{pages:?}");
    pages
}

fn all() -> Vec<Block> {
    pages().iter().flat_map(|page| of(page)).collect()
}

#[test]
fn a_block_that_names_a_file_is_that_file() {
    let mut shown = BTreeSet::new();
    for block in all() {
        if let Some(file) = block.file() {
            assert_eq!(block.text, read(&format!("docs/{file}")), "{}", block.place);
            shown.insert(file.to_owned());
        }
    }
    let samples = fs::read_dir(root("docs/samples")).expect("samples");
    for sample in samples {
        let name = sample.expect("readable").file_name();
        let file = format!("samples/{}", name.to_string_lossy());
        assert!(shown.contains(&file), "no page shows {file}");
    }
}

/// Whether there is a test of this name, `module::function`, in this very program.
fn is_test(name: &str) -> bool {
    let Some((modules, function)) = name.rsplit_once("::") else {
        return false;
    };
    let path = root("tests/api").join(modules.replace("::", "/") + ".rs");
    let source = fs::read_to_string(path).unwrap_or_default();
    source.contains(&format!("fn {function}()"))
}

#[test]
fn every_block_says_how_it_is_tested_or_that_it_is_not() {
    for block in all() {
        let place = &block.place;
        if let Some((_, tests)) = block.before.split_once("Tested: ") {
            let names: Vec<_> = tests.split('`').skip(1).step_by(2).collect();
            assert!(!names.is_empty(), "{place} names no test");
            for name in names {
                assert!(is_test(name), "{place}: there is no test {name}");
            }
        } else {
            let reason = block.before.split_once("Not tested: ");
            let is_said = reason.is_some_and(|(_, reason)| !reason.trim().is_empty());
            assert!(is_said, "{place}: {:?}", block.before);
        }
    }
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    for page in pages() {
        let text = read(&format!("docs/{page}"));
        let targets = text.split("](").skip(1);
        for target in targets.filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.contains("://") {
                assert!(root("docs").join(file).exists(), "{page}: {target}");
            }
        }
    }
}
