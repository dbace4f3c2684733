//! The cluster on disk: how it is made, how the server on it is set, and what a killed server leaves behind.

use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::binaries::Binaries;
use super::error::{EmbeddedError, io};
use super::home::{self, Home};
use super::supervisor::Supervised;

/// Makes the data in `data.new` and renames it when it is whole, so that an initdb that was killed leaves nothing to trip
/// over.
pub(super) async fn initdb(
    home: &Home,
    binaries: &Binaries,
    lock: &File,
    log: &File,
) -> Result<(), EmbeddedError> {
    tracing::info!(directory = %home.dir().display(), postgres = binaries.major, "creating the database");
    let new = home.dir().join("data.new");
    let written = home::length(log);
    let mut status = None;
    // Sorting by code point never changes with the C library. The character types of C.UTF-8 know É from é; where that
    // locale does not exist, plain C is what there is.
    for character_types in ["C.UTF-8", "C"] {
        if new.exists() {
            fs::remove_dir_all(&new).map_err(io("remove", &new))?;
        }
        let args: [OsString; 9] = [
            "--username=postgres".into(),
            "--encoding=UTF8".into(),
            "--locale=C".into(),
            format!("--lc-ctype={character_types}").into(),
            "--auth-local=trust".into(),
            "--auth-host=reject".into(),
            "--no-instructions".into(),
            "--pgdata".into(),
            new.clone().into(),
        ];
        let mut run = Supervised::spawn(
            &binaries.program("initdb"),
            &args,
            home.owner(),
            home.dir(),
            lock,
            log,
        )?;
        let ended = run.wait().await.map_err(io("wait for initdb in", &new))?;
        if ended.success() {
            fs::rename(&new, home.data()).map_err(io("rename", &new))?;
            // The rename itself must survive a power cut as well.
            return File::open(home.dir())
                .and_then(|dir| dir.sync_all())
                .map_err(io("write to disk", home.dir()));
        }
        status = Some(ended.to_string());
    }
    Err(EmbeddedError::Failed {
        program: "initdb",
        status: status.unwrap_or_default(),
        log: home.log_path(),
        tail: home::tail(log, written),
    })
}

/// Given on the command line rather than in `postgresql.conf`, so that a newer Causerie brings its own.
pub(super) fn server_args(data: &Path, sockets: &Path, statements: bool) -> Vec<OsString> {
    let sockets = sockets.to_string_lossy().replace('"', "\"\"");
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        "port=5432".to_owned(),
        // A list of names; the quotes keep a comma or a space inside one.
        format!("unix_socket_directories=\"{sockets}\""),
        "unix_socket_permissions=0700".to_owned(),
        "max_connections=200".to_owned(),
        "shared_buffers=128MB".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        // The details of an error quote the row that it is about, and with it what people said.
        "log_error_verbosity=terse".to_owned(),
        "cluster_name=causerie".to_owned(),
    ];
    if statements {
        settings.push("shared_preload_libraries=pg_stat_statements".to_owned());
    }
    let mut args = vec!["-D".into(), data.into()];
    args.extend(
        settings
            .into_iter()
            .flat_map(|setting| [OsString::from("-c"), setting.into()]),
    );
    args
}

/// Removes the pid file of a server that was killed. We hold the server lock, so none of ours is alive; but its process
/// id may have been reused, and then Postgres would refuse to start.
pub(super) fn clear_pid_file(data: &Path) -> Result<(), EmbeddedError> {
    let lines = pid_lines(data);
    if let (Some(port), Some(directory)) = (lines.get(3), lines.get(4)) {
        // Somebody may have started a server on our data by hand; that one answers.
        if UnixStream::connect(Path::new(directory).join(format!(".s.PGSQL.{port}"))).is_ok() {
            return Err(EmbeddedError::StartedByHand(data.to_owned()));
        }
    }
    home::remove(&data.join("postmaster.pid"))
}

/// The lines of `postmaster.pid`, without the spaces that pad some of them; none where there is no such file.
pub(super) fn pid_lines(data: &Path) -> Vec<String> {
    let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    text.lines().map(|line| line.trim().to_owned()).collect()
}
