//! Runs one program (postgres or initdb) so that it cannot outlive us, however we end.
//!
//! A `/bin/sh` stands in between and holds the read end of a pipe whose write end is ours alone. When the pipe closes
//! (we let go of it, exit, or are killed by SIGKILL) the shell sends the program SIGINT: for postgres a fast shutdown.
//! Parent-death signals would need `unsafe`, exist on Linux only, and follow the spawning *thread*, not the process.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::process::{Child, ChildStdin, Command};

use super::error::{EmbeddedError, io};
use super::owner::Owner;

/// Standard input is the pipe, standard output the server lock (see `home`), standard error the log.
///
/// The program keeps the lock open as its descriptor 4, so that the lock is free only when the last of its processes is
/// gone. SIGINT is repeated: one that arrives before postgres has installed its handlers is lost, because a shell without
/// job control starts background programs with SIGINT ignored. After 30 s it is SIGQUIT, which needs no checkpoint; with
/// SIGCONT, for a stopped process acts on neither. Only the shell that has not yet reaped the program sends them, so a
/// reused process id is never hit.
///
/// SIGHUP is ignored, because the kernel sends it to our whole process group if we die while one of them is stopped.
const SCRIPT: &str = r#"
trap '' HUP
exec 3<&0 </dev/null
"$@" 3<&- 4>&1 >&2 &
program=$!
trap 'kill -INT "$program"; kill -CONT "$program"' TERM USR1
trap 'kill -QUIT "$program"; kill -CONT "$program"' USR2
(
    trap - TERM USR1 USR2
    read -r _ <&3
    rounds=0 signal=USR1
    while kill -"$signal" "$$"; do
        sleep 0.2 >&2
        rounds=$((rounds + 1))
        [ "$rounds" -lt 150 ] || signal=USR2
    done
    kill -INT "$program"
) 2>/dev/null &
watcher=$!
exec 2>/dev/null
status=0
wait "$program" || status=$?
while kill -0 "$program"; do
    status=0
    wait "$program" || status=$?
done
kill -TERM "$watcher"
wait "$watcher"
exit "$status"
"#;

/// A program under its supervisor. Dropping this asks it to stop and does not wait.
pub(super) struct Supervised {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Supervised {
    /// Starts `program` as `owner`, in `dir`; it holds `lock` until its last process ends and writes to `log`.
    pub(super) fn spawn<A: AsRef<OsStr>>(
        program: &Path,
        args: &[A],
        owner: Option<&Owner>,
        dir: &Path,
        lock: &File,
        log: &File,
    ) -> Result<Self, EmbeddedError> {
        let mut command = as_owner("/bin/sh", owner);
        command
            .args(["-c", SCRIPT, "causerie-postgres"])
            .arg(program)
            .args(args)
            .current_dir(dir)
            .stdin(Stdio::piped())
            .stdout(lock.try_clone().map_err(io("share the lock in", dir))?)
            .stderr(log.try_clone().map_err(io("share the log in", dir))?);
        let mut child = command.spawn().map_err(io("start", program))?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Closes our end of the pipe: the supervisor now stops the program.
    pub(super) fn ask_to_stop(&mut self) {
        self.pipe = None;
    }

    /// Waits until the program and its supervisor are gone.
    pub(super) async fn wait(&mut self) -> std::io::Result<ExitStatus> {
        // `Child::wait` would close a stdin it still had; ours was taken out, so waiting does not stop anything.
        self.child.wait().await
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }
}

/// A command that runs as the server's user, away from our terminal, with little of our environment.
pub(super) fn as_owner(program: impl AsRef<OsStr>, owner: Option<&Owner>) -> Command {
    let mut command = Command::new(program);
    // Our environment holds secrets (CAUSERIE_JWT_SECRET) and PG* variables that would change how Postgres behaves.
    command.env_clear().env("LC_ALL", "C");
    for name in ["PATH", "LD_LIBRARY_PATH"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    // A group of its own: Ctrl-C reaches us only, and Postgres stops after we have finished with it.
    command
        .process_group(0)
        .current_dir("/")
        .stdin(Stdio::null());
    if let Some(owner) = owner {
        // The standard library drops the supplementary groups as well when it changes the user.
        command.gid(owner.gid).uid(owner.uid);
    }
    command
}
