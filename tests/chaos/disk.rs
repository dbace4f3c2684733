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

/// Room for a new cluster and two segments of its write-ahead log.
const SIZE: &str = "size=160m";

/// A file system in memory, unmounted when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this process may not mount.
    fn mount() -> Result<Self, String> {
        let name = format!("causerie-disk-{}", uuid::Uuid::new_v4().simple());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory).expect("a directory");
        let disk = Self(directory);
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                SIZE,
                "-o",
                "mode=755",
                "causerie-chaos",
            ])
            .arg(&disk.0)
            .output();
        match mounted {
            Ok(done) if done.status.success() => Ok(disk),
            Ok(done) => Err(String::from_utf8_lossy(&done.stderr).into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
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
        // Lazily: a server that is still stopping keeps it open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
        let _ = std::fs::remove_dir(&self.0);
    }
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
        tokio::time::sleep(Duration::from_millis(stage.rng.random_range(1000..4000))).await;
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
        Err(why) => {
            return println!("chaos: the disk full: SKIPPED, for a mount needs root: {why}");
        }
    };
    let mut stage = Stage::set_in("the disk full", disk.0.join("postgres")).await;
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
