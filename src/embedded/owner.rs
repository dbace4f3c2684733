//! As whom the server runs, and that its directory is that user's.
//!
//! PostgreSQL refuses root. Where we are root it runs as the owner of the data directory, else as `postgres`, else as
//! `nobody`; anybody else runs it as themselves.

use std::fs::{self, DirBuilder, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{
    DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown,
};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::{Uid, User, geteuid};

use super::error::{EmbeddedError, io as io_error};
use super::supervisor::as_owner;

/// The user that the server runs as where we are root.
#[derive(Clone, Debug)]
pub(super) struct Owner {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

/// `/var/lib/causerie` for root, the XDG data directory for anybody else.
pub(super) fn default_dir() -> Result<PathBuf, EmbeddedError> {
    if geteuid().is_root() {
        return Ok("/var/lib/causerie".into());
    }
    let absolute = |name| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let data = absolute("XDG_DATA_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/share")))
        .or_else(|| {
            User::from_uid(geteuid())
                .ok()
                .flatten()
                .map(|user| user.dir.join(".local/share"))
        });
    data.map(|dir| dir.join("causerie"))
        .ok_or(EmbeddedError::NoHome)
}

/// Makes the directory if it is missing, and decides as whom the server runs; `None` is as ourselves. Never changes the
/// owner of a directory with foreign files.
pub(super) fn claim(dir: &Path) -> Result<Option<Owner>, EmbeddedError> {
    let root = geteuid().is_root();
    let found = match fs::metadata(dir) {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io_error("look at", dir)(error)),
    };
    if let Some(found) = &found {
        check_ours(dir, found, root)?;
        if root && found.uid() != 0 {
            return Ok(Some(Owner {
                name: name_of(found.uid()),
                uid: found.uid(),
                gid: found.gid(),
            }));
        }
    } else {
        make_parents(dir, root)?;
        DirBuilder::new()
            .mode(0o700)
            .create(dir)
            .map_err(io_error("make", dir))?;
    }
    if !root {
        return Ok(None);
    }
    let known = |name| User::from_name(name).ok().flatten();
    let user = known("postgres")
        .or_else(|| known("nobody"))
        .ok_or(EmbeddedError::NoUser)?;
    let owner = Owner {
        name: user.name,
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
    };
    give_to(dir, Some(&owner))?;
    Ok(Some(owner))
}

fn check_ours(dir: &Path, found: &Metadata, root: bool) -> Result<(), EmbeddedError> {
    if !found.is_dir() {
        return Err(EmbeddedError::NotOurs(dir.to_owned()));
    }
    if !root && found.uid() != geteuid().as_raw() {
        return Err(EmbeddedError::OtherOwner {
            dir: dir.to_owned(),
            owner: name_of(found.uid()),
        });
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("list", dir))? {
        names.push(entry.map_err(io_error("list", dir))?.file_name());
    }
    // A volume that was just mounted is empty but for this one.
    let empty = names.iter().all(|name| name == "lost+found");
    if empty
        || names
            .iter()
            .any(|name| name == "server.lock" || name == "lock")
    {
        return Ok(());
    }
    Err(EmbeddedError::NotOurs(dir.to_owned()))
}

/// The directories above. What root makes is open to pass through, whatever the umask: the server's user must get in.
fn make_parents(dir: &Path, root: bool) -> Result<(), EmbeddedError> {
    let missing: Vec<&Path> = dir
        .ancestors()
        .skip(1)
        .take_while(|path| !path.exists())
        .collect();
    for path in missing.into_iter().rev() {
        fs::create_dir(path).map_err(io_error("make", path))?;
        if root {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))
                .map_err(io_error("open up", path))?;
        }
    }
    Ok(())
}

/// Asks as the server's user, since closed directories above, access lists and mounts all have a say.
pub(super) async fn reachable(dir: &Path, owner: Option<&Owner>) -> Result<(), EmbeddedError> {
    let Some(owner) = owner else { return Ok(()) };
    let probe = as_owner("/bin/sh", Some(owner))
        .args(["-c", "cd -- \"$1\" 2>/dev/null && test -w .", "sh"])
        .arg(dir)
        .status();
    if probe
        .await
        .map_err(io_error("change to the user that enters", dir))?
        .success()
    {
        return Ok(());
    }
    // It may be one that we have just made.
    let _ = fs::remove_dir(dir);
    Err(EmbeddedError::Unreachable {
        dir: dir.to_owned(),
        user: owner.name.clone(),
    })
}

/// Opens for appending, and makes, a file of the server's user. We may be root in a directory that is not root's, so a
/// link that was put there is not followed.
pub(super) fn open_owned(path: &Path, owner: Option<&Owner>) -> Result<File, EmbeddedError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
        .map_err(io_error("open", path))?;
    if let Some(owner) = owner {
        fchown(&file, Some(owner.uid), Some(owner.gid)).map_err(io_error("hand over", path))?;
    }
    Ok(file)
}

pub(super) fn give_to(dir: &Path, owner: Option<&Owner>) -> Result<(), EmbeddedError> {
    owner.map_or(Ok(()), |owner| {
        chown(dir, Some(owner.uid), Some(owner.gid)).map_err(io_error("hand over", dir))
    })
}

pub(super) fn name_of(uid: u32) -> String {
    User::from_uid(Uid::from_raw(uid))
        .ok()
        .flatten()
        .map_or_else(|| format!("user id {uid}"), |user| user.name)
}
