//! The data directory: who holds it, and what lies in it. Whose it is: `owner`.
//!
//! ```text
//! <dir>/lock          locked by the one Causerie that uses the directory
//! <dir>/server.lock   locked by the server's own processes, until the last of them ends
//! <dir>/data.new      initdb at work; becomes data by a rename, so data is always whole
//! <dir>/data          Postgres's own
//! <dir>/run           the socket, unless its path would be too long
//! <dir>/postgres.log
//! ```
//! Two locks, because "another Causerie is running" is an error and "the server of a killed one is still stopping" is a
//! short wait. Neither is a process id in a file: those are reused, most of all in containers.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::geteuid;
use tokio::time::Instant;

use super::error::{EmbeddedError, io as io_error};
use super::owner::{Owner, claim, default_dir, give_to, name_of, open_owned, reachable};

/// How long a predecessor's server may take to stop; a fast shutdown writes a checkpoint first.
const PREDECESSOR: Duration = Duration::from_secs(60);
/// `sun_path` holds 104 bytes on macOS, 108 on Linux, with the closing zero.
const LONGEST_SOCKET: usize = 100;

/// A data directory that is ours until this is dropped.
pub(super) struct Home {
    dir: PathBuf,
    owner: Option<Owner>,
    _lock: File,
}

impl Home {
    /// Makes or checks the directory and takes its lock.
    pub(super) async fn open(wanted: Option<&Path>) -> Result<Self, EmbeddedError> {
        let dir = match wanted {
            Some(dir) => dir.to_owned(),
            None => default_dir()?,
        };
        let dir = std::path::absolute(&dir).map_err(io_error("resolve", &dir))?;
        let owner = claim(&dir)?;
        reachable(&dir, owner.as_ref()).await?;
        let mut lock = open_owned(&dir.join("lock"), owner.as_ref())?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let known = lock.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
                return Err(EmbeddedError::InUse {
                    dir,
                    pid: known.then(|| pid.trim().to_owned()),
                });
            }
            Err(TryLockError::Error(source)) => {
                return Err(io_error("lock", &dir.join("lock"))(source));
            }
        }
        // For the message above only; nothing is decided by it.
        lock.set_len(0)
            .and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()))
            .map_err(io_error("write", &dir.join("lock")))?;
        Ok(Self {
            dir,
            owner,
            _lock: lock,
        })
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn log_path(&self) -> PathBuf {
        self.dir.join("postgres.log")
    }

    /// The major version that made the data, if there is data.
    pub(super) fn version(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Waits for the server of a predecessor that was killed: its supervisor is stopping it.
    pub(super) async fn wait_for_predecessor(&self) -> Result<File, EmbeddedError> {
        let path = self.dir.join("server.lock");
        let lock = open_owned(&path, self.owner())?;
        let deadline = Instant::now() + PREDECESSOR;
        let mut told = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::Error(source)) => return Err(io_error("lock", &path)(source)),
                Err(TryLockError::WouldBlock) if Instant::now() > deadline => {
                    return Err(EmbeddedError::StillStopping {
                        dir: self.dir.clone(),
                        log: self.log_path(),
                        seconds: PREDECESSOR.as_secs(),
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    if !told {
                        tracing::info!("waiting for the PostgreSQL of an earlier run to stop");
                        told = true;
                    }
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    /// The log, opened to append. One older generation is kept.
    pub(super) fn open_log(&self, limit: u64) -> Result<File, EmbeddedError> {
        let path = self.log_path();
        if fs::symlink_metadata(&path).is_ok_and(|file| file.len() > limit) {
            let older = path.with_extension("log.1");
            fs::rename(&path, &older).map_err(io_error("rename", &path))?;
        }
        open_owned(&path, self.owner())
    }

    /// Makes the directory of the socket, private to the server's user, empty, and says where it is.
    pub(super) fn sockets(&self) -> Result<PathBuf, EmbeddedError> {
        let fits = |dir: &Path| {
            dir.join(".s.PGSQL.5432")
                .to_str()
                .is_some_and(|path| path.len() <= LONGEST_SOCKET)
        };
        let inside = self.dir.join("run");
        let dir = if fits(&inside) {
            inside
        } else {
            self.short_dir(fits)
        };
        match DirBuilder::new().mode(0o700).create(&dir) {
            Ok(()) => give_to(&dir, self.owner())?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                // In a shared place such as /tmp somebody else may have made it, to listen in.
                let found = fs::symlink_metadata(&dir).map_err(io_error("look at", &dir))?;
                if !found.is_dir() || found.uid() != self.uid() || found.mode() & 0o077 != 0 {
                    return Err(EmbeddedError::OtherOwner {
                        owner: name_of(found.uid()),
                        dir,
                    });
                }
            }
            Err(error) => return Err(io_error("make", &dir)(error)),
        }
        // Left by a killed server. Postgres would take them for a live one's if its process id has been reused.
        for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
            remove(&dir.join(name))?;
        }
        Ok(dir)
    }

    fn short_dir(&self, fits: impl Fn(&Path) -> bool) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        self.dir.hash(&mut hasher);
        let name = format!("causerie-{}-{:016x}", self.uid(), hasher.finish());
        // Root's own runtime directory is closed to the server's user.
        let runtime = self
            .owner
            .is_none()
            .then(|| std::env::var_os("XDG_RUNTIME_DIR"))
            .flatten()
            .map(PathBuf::from);
        runtime
            .filter(|dir| dir.is_absolute() && dir.is_dir())
            .map(|dir| dir.join(&name))
            .filter(|dir| fits(dir))
            .unwrap_or_else(|| Path::new("/tmp").join(&name))
    }

    fn uid(&self) -> u32 {
        self.owner
            .as_ref()
            .map_or_else(|| geteuid().as_raw(), |owner| owner.uid)
    }
}

/// Removes a file that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), EmbeddedError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

pub(super) fn length(log: &File) -> u64 {
    log.metadata().map_or(0, |file| file.len())
}

/// What was written to a log since `from` bytes, its last lines only.
pub(super) fn tail(log: &File, from: u64) -> String {
    let mut bytes = Vec::new();
    let mut reader = log;
    let read = reader
        .seek(io::SeekFrom::Start(from))
        .and_then(|_| reader.read_to_end(&mut bytes));
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    match read {
        Ok(_) if !lines.is_empty() => lines[lines.len().saturating_sub(12)..].join("\n"),
        _ => "(nothing was written to it)".to_owned(),
    }
}

/// A URL's host part that names a directory: everything that could mean something in a URL is escaped.
pub(super) fn percent_encoded(path: &Path) -> String {
    path.as_os_str()
        .as_bytes()
        .iter()
        .fold(String::new(), |mut host, &byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                host.push(char::from(byte));
            } else {
                host.push_str(&format!("%{byte:02X}"));
            }
            host
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_becomes_one_host_name() {
        assert_eq!(percent_encoded(Path::new("/a b/é")), "%2Fa%20b%2F%C3%A9");
    }
}
