//! A disk that is full: a small file system of its own below Postgres.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use rand::Rng;
use sqlx::Executor;

use crate::report::Clients;
use crate::stage::Stage;
use crate::support::workload;

/// Room for a new cluster and a few segments of its write-ahead log.
const MOUNT: [&str; 5] = ["-t", "tmpfs", "-o", "size=160m,mode=755", "causerie-chaos"];

/// Where a process that may mount has mounted it for us.
const GIVEN: &str = "CAUSERIE_CHAOS_DISK";

/// A file system in memory, unmounted when this is dropped.
struct Disk {
    directory: PathBuf,
    is_ours: bool,
}

impl Disk {
    /// Gives why not, where this process may not mount.
    fn mount() -> Result<Self, String> {
        if let Some(given) = std::env::var_os(GIVEN) {
            return Ok(Self {
                directory: given.into(),
                is_ours: false,
            });
        }
        let disk = Self {
            directory: new_directory(),
            is_ours: true,
        };
        let mut command = Command::new("mount");
        command.args(MOUNT).arg(&disk.directory);
        output_of(&mut command).map(|_| disk)
    }

    fn ballast(&self) -> PathBuf {
        self.directory.join("ballast")
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).expect("an empty file fits");
        for size in [1 << 20, 1 << 12, 1] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.ballast()).expect("it was filled");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_ours {
            // Lazily: a server that is still stopping keeps it open.
            let _ = output_of(Command::new("umount").arg("-l").arg(&self.directory));
            let _ = std::fs::remove_dir(&self.directory);
        }
    }
}

fn new_directory() -> PathBuf {
    let name = format!("causerie-disk-{}", uuid::Uuid::new_v4().simple());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir(&directory).expect("a directory");
    directory
}

fn output_of(command: &mut Command) -> Result<String, String> {
    match command.output() {
        Ok(done) if done.status.success() => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
        Ok(done) => Err(String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// This test once more, as ourselves, in a namespace of its own in which somebody who was root there has mounted a disk.
/// Gives what it printed; or, as an error of the outer kind, why there can be no such namespace.
fn play_in_a_namespace() -> Result<Result<String, String>, String> {
    let probe = ["--map-root-user", "--mount", "true"];
    output_of(Command::new("unshare").args(probe))?;
    let directory = new_directory();
    let script = format!(
        "mount {} \"${GIVEN}\" && exec unshare --user --map-user={} --map-group={} \"$@\"",
        MOUNT.join(" "),
        nix::unistd::getuid(),
        nix::unistd::getgid()
    );
    let me = std::env::current_exe().expect("a path");
    let played = output_of(
        Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"])
            .arg(me)
            .args(["--exact", "--nocapture", "disk::the_disk_is_full"])
            .env(GIVEN, &directory),
    );
    // The disk went with the last process of its namespace.
    let _ = std::fs::remove_dir(directory);
    Ok(played)
}

fn is_running(home: &Path) -> bool {
    let file = std::fs::read_to_string(home.join("data/postmaster.pid")).unwrap_or_default();
    let pid = file.lines().next().unwrap_or_default().trim().to_owned();
    !pid.is_empty() && Path::new("/proc").join(pid).exists()
}

/// Fills the disk, and then gives back what it took. Gives how often, and how often Postgres did not survive it.
async fn fill(stage: &mut Stage, disk: &Disk) -> (usize, usize) {
    let (mut times, mut ends) = (0, 0);
    let began = Instant::now();
    while began.elapsed() < stage.duration() {
        tokio::time::sleep(Duration::from_millis(stage.rng.random_range(500..1500))).await;
        disk.fill();
        times += 1;
        if stage.rng.random_bool(0.3) {
            // The log of writes itself needs a new file now, which ends a server.
            let mut admin = stage.cluster.connect().await;
            let _ = admin.execute("select pg_switch_wal()").await;
        }
        tokio::time::sleep(Duration::from_millis(stage.rng.random_range(1000..9000))).await;
        disk.free();
        if !is_running(&stage.cluster.home) {
            ends += 1;
            stage.cluster.start_again().await;
        }
        stage.recover(Instant::now()).await;
    }
    (times, ends)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_full() {
    let disk = match Disk::mount() {
        Ok(disk) => disk,
        Err(why) => match tokio::task::block_in_place(play_in_a_namespace) {
            Ok(played) => {
                return println!("{}", played.unwrap_or_else(|printed| panic!("{printed}")));
            }
            Err(neither) => {
                return println!("chaos: the disk full: SKIPPED, nothing to fill: {why}{neither}");
            }
        },
    };
    let mut stage = Stage::set_in("the disk full", disk.directory.join("postgres")).await;
    let (mut times, mut ends) = (0, 0);
    let history = workload::run_amid(&stage.urls(), stage.plan(), async {
        (times, ends) = fill(&mut stage, &disk).await;
    })
    .await;
    let said = stage
        .cluster
        .log()
        .matches("No space left on device")
        .count();
    stage.note(format!(
        "filled {times} times; Postgres said so {said} times and had to be started {ends} times"
    ));
    assert!(said > 0, "it was not full");
    stage.judge(&history, Clients::Refused).await;
}
