//! Finds PostgreSQL's server programs. Distributions keep them out of PATH, and several versions may be installed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::error::EmbeddedError;
use super::owner::Owner;
use super::supervisor::as_owner;

/// The oldest major version that Causerie is meant for.
pub(super) const OLDEST: u32 = 14;

/// One installation: a directory that holds `postgres` and `initdb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    /// The installation to use: `PG_BIN` if given, else what is found, matching the version that made the `existing` data.
    pub(super) async fn find(
        pg_bin: Option<&Path>,
        existing: Option<(&Path, u32)>,
        owner: Option<&Owner>,
    ) -> Result<Self, EmbeddedError> {
        let candidates = match pg_bin {
            Some(dir) => vec![dir.to_owned()],
            None => candidates(owner).await,
        };
        let mut found = Vec::new();
        for dir in candidates {
            if let Some(major) = major_of(&dir, owner).await {
                found.push(Self { dir, major });
            }
        }
        if let (Some(dir), true) = (pg_bin, found.is_empty()) {
            return Err(EmbeddedError::BadPgBin(dir.to_owned()));
        }
        choose(found, existing)
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether the installation has the loadable library `name`. A missing one in `shared_preload_libraries` is fatal to
    /// the server, and distributions ship the contrib libraries apart.
    pub(super) async fn has_library(&self, name: &str, owner: Option<&Owner>) -> bool {
        let told = first_line(&self.program("pg_config"), "--pkglibdir", owner).await;
        let guesses = ["../lib", "../lib/postgresql"].map(|path| self.dir.join(path));
        told.map(PathBuf::from)
            .into_iter()
            .chain(guesses)
            .any(|lib| {
                ["so", "dylib"]
                    .iter()
                    .any(|end| lib.join(format!("{name}.{end}")).exists())
            })
    }
}

/// Picks from what was found, in order of preference.
fn choose(found: Vec<Binaries>, existing: Option<(&Path, u32)>) -> Result<Binaries, EmbeddedError> {
    let Some(first) = found.first().cloned() else {
        return Err(EmbeddedError::NotInstalled);
    };
    if let Some((dir, made_by)) = existing {
        let majors: BTreeSet<String> = found.iter().map(|b| b.major.to_string()).collect();
        return found
            .into_iter()
            .find(|b| b.major == made_by)
            .ok_or_else(|| EmbeddedError::OtherVersion {
                dir: dir.to_owned(),
                made_by,
                found: majors.into_iter().collect::<Vec<_>>().join(", "),
            });
    }
    found
        .into_iter()
        .find(|b| b.major >= OLDEST)
        .ok_or(EmbeddedError::TooOld {
            found: first.major,
            at: first.dir,
        })
}

/// Directories to look in, best first.
async fn candidates(owner: Option<&Owner>) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for dir in std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()) {
        let program = dir.join("postgres");
        // A link in PATH points to where its sister programs are; a wrapper script does not, hence both.
        if let Some(real) = program
            .canonicalize()
            .ok()
            .as_deref()
            .and_then(Path::parent)
        {
            dirs.push(real.to_owned());
            dirs.push(dir);
        }
    }
    if let Some(dir) = first_line(Path::new("pg_config"), "--bindir", owner).await {
        dirs.push(dir.into());
    }
    dirs.extend(numbered("/usr/lib/postgresql", "", "bin"));
    dirs.extend(numbered("/usr", "pgsql-", "bin"));
    for prefix in [
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ] {
        dirs.extend(numbered(prefix, "postgresql@", "bin"));
    }
    dirs.extend(numbered(
        "/Applications/Postgres.app/Contents/Versions",
        "",
        "bin",
    ));
    let mut seen = BTreeSet::new();
    dirs.retain(|dir| {
        dir.join("postgres").exists() && dir.join("initdb").exists() && seen.insert(dir.clone())
    });
    dirs
}

/// `parent/<prefix>N/<leaf>` for every N there is, newest first.
fn numbered(parent: &str, prefix: &str, leaf: &str) -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(parent)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let number = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((number, Path::new(parent).join(name).join(leaf)))
        })
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, dir)| dir).collect()
}

/// The major version in `dir`. It is asked as the server's user, which also shows that this user can run it.
async fn major_of(dir: &Path, owner: Option<&Owner>) -> Option<u32> {
    dir.join("initdb").exists().then_some(())?;
    parse_version(&first_line(&dir.join("postgres"), "--version", owner).await?)
}

/// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` → 15; `… 18beta1` → 18.
fn parse_version(line: &str) -> Option<u32> {
    let number = line.strip_prefix("postgres (PostgreSQL) ")?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

async fn first_line(program: &Path, arg: &str, owner: Option<&Owner>) -> Option<String> {
    let output = as_owner(program, owner).arg(arg).output().await.ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output
        .status
        .success()
        .then(|| text.lines().next().map(str::to_owned))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(major: u32) -> Binaries {
        Binaries {
            dir: PathBuf::from(format!("/pg/{major}/bin")),
            major,
        }
    }

    #[test]
    fn versions_are_read_in_all_their_spellings() {
        assert_eq!(
            parse_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(parse_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_version("postgres (PostgreSQL) 9.6.24"), Some(9));
        assert_eq!(parse_version("something else"), None);
    }

    #[test]
    fn new_data_takes_the_first_that_is_not_too_old() {
        assert_eq!(
            choose(vec![at(12), at(17), at(16)], None).ok(),
            Some(at(17))
        );
        assert!(matches!(
            choose(vec![at(12)], None),
            Err(EmbeddedError::TooOld { found: 12, .. })
        ));
        assert!(matches!(
            choose(vec![], None),
            Err(EmbeddedError::NotInstalled)
        ));
    }

    #[test]
    fn existing_data_takes_the_version_that_made_it() {
        let existing = Some((Path::new("/data"), 15));
        assert_eq!(choose(vec![at(17), at(15)], existing).ok(), Some(at(15)));
        let error = choose(vec![at(17), at(16)], existing)
            .err()
            .map(|e| e.to_string());
        assert!(
            error.is_some_and(|text| text.contains("postgresql-15") && text.contains("16, 17"))
        );
    }
}
