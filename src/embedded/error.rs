//! What can go wrong with the embedded Postgres. These texts are the first thing a newcomer may read of Causerie,
//! so each says what happened and what to do next.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why the embedded Postgres did not start. Printed as it is; nothing is added around it.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    #[error(
        "PostgreSQL's server programs (postgres, initdb) were not found.\n\
         Install them: `apt-get install postgresql` on Debian or Ubuntu, `brew install postgresql` on macOS.\n\
         If they are somewhere unusual, say where with PG_BIN=/that/directory. \
         Or use a server you have: DATABASE_URL=postgres://…"
    )]
    NotInstalled,

    #[error(
        "PG_BIN is {0}, and no working postgres and initdb are there (for the user who runs them).\n\
         Point PG_BIN at the directory that holds both, or leave it unset to have them searched for."
    )]
    BadPgBin(PathBuf),

    #[error(
        "PostgreSQL {found} at {at} is too old: Causerie needs {needed} or newer.\n\
         Install a newer one, or point PG_BIN at it.",
        needed = super::binaries::OLDEST
    )]
    TooOld { found: u32, at: PathBuf },

    #[error(
        "The data directory {dir} was made by PostgreSQL {made_by}; what is installed here is {found}.\n\
         Install PostgreSQL {made_by} (on Debian: `apt-get install postgresql-{made_by}`), or point PG_BIN at it, \
         or move the directory away to start with an empty database."
    )]
    OtherVersion {
        dir: PathBuf,
        made_by: u32,
        found: String,
    },

    #[error(
        "PostgreSQL does not run as root, and there is neither a user `postgres` nor a user `nobody` to run it as.\n\
         Create one (`useradd --system postgres`), or start Causerie as a normal user."
    )]
    NoUser,

    #[error(
        "No home directory is known, so there is no place for the database.\n\
         Set HOME, or name a directory with CAUSERIE_DATA_DIR."
    )]
    NoHome,

    #[error(
        "The data directory {dir} belongs to another user ({owner}).\n\
         Start Causerie as that user, or choose another directory with CAUSERIE_DATA_DIR."
    )]
    OtherOwner { dir: PathBuf, owner: String },

    #[error(
        "{0} has other files in it, or is not a directory, so it is not used as the data directory.\n\
         Set CAUSERIE_DATA_DIR to an empty directory, or to one that does not exist yet."
    )]
    NotOurs(PathBuf),

    #[error(
        "The user {user}, as whom PostgreSQL runs because it refuses root, cannot get into {dir}: a directory above it is closed.\n\
         Choose another with CAUSERIE_DATA_DIR (without it: /var/lib/causerie), or open the way with chmod o+x."
    )]
    Unreachable { dir: PathBuf, user: String },

    #[error(
        "Another Causerie{} is using the data directory {}.\n\
         Stop it first; or give this one a directory of its own with CAUSERIE_DATA_DIR; \
         or share one database between both with DATABASE_URL.",
        .pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default(),
        .dir.display()
    )]
    InUse { dir: PathBuf, pid: Option<String> },

    #[error(
        "The PostgreSQL of an earlier run still has {dir} after {seconds} s, although it was told to stop.\n\
         See {log}. To end it by force: kill -QUIT $(head -1 '{dir}/data/postmaster.pid')",
        dir = .dir.display(),
        log = .log.display()
    )]
    StillStopping {
        dir: PathBuf,
        log: PathBuf,
        seconds: u64,
    },

    #[error(
        "A PostgreSQL that Causerie did not start is running on {0}.\n\
         Stop it (pg_ctl stop -D '{0}'), or use it: DATABASE_URL=postgres://…"
    )]
    StartedByHand(PathBuf),

    #[error(
        "{program} failed ({status}). The end of its log:\n{tail}\n\
         The whole log: {log}. Put right what it names and start again."
    )]
    Failed {
        program: &'static str,
        status: String,
        log: PathBuf,
        tail: String,
    },

    #[error(
        "PostgreSQL was not ready after {seconds} s. The end of its log:\n{tail}\n\
         The whole log: {log}. If it is still recovering after a crash, start again and it goes on from there."
    )]
    NotReady {
        log: PathBuf,
        seconds: u64,
        tail: String,
    },

    #[error(
        "The embedded PostgreSQL is running, but its database `causerie` could not be created: {source}\n\
         See {log}."
    )]
    Database {
        log: PathBuf,
        #[source]
        source: sqlx::Error,
    },

    #[error("Could not {doing} {path}: {source}.\n{hint}")]
    Io {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
        hint: &'static str,
    },
}

/// For `map_err`: what we were doing, to which path.
pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> EmbeddedError {
    move |source| EmbeddedError::Io {
        doing,
        path: path.to_owned(),
        hint: match source.kind() {
            io::ErrorKind::PermissionDenied => {
                "Give this user the right to it, or choose another directory with CAUSERIE_DATA_DIR."
            }
            io::ErrorKind::StorageFull => "Free some space, then start again.",
            _ => {
                "Put that right and start again, or choose another directory with CAUSERIE_DATA_DIR."
            }
        },
        source,
    }
}
