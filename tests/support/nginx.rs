//! A real nginx in front of one or more instances: started by hand, in a directory and on a port of its own.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Instance, PATIENCE, eventually};

/// What Debian's own nginx.conf sets inside `http`, as far as it concerns a proxy.
const DEBIAN: &str = "sendfile on; tcp_nopush on; gzip on; access_log access.log;";

/// Lines that make nginx buffer whatever the service asks for. Nothing in these tests fills the buffers.
pub const BUFFERING: &str = "proxy_ignore_headers X-Accel-Buffering; proxy_buffering on; proxy_buffer_size 64k; proxy_buffers 8 64k;";

pub struct Nginx {
    pub url: String,
    directory: PathBuf,
    process: Child,
}

impl Nginx {
    /// Debian's defaults and a bare `proxy_pass`: buffering on, HTTP/1.0 to the service.
    pub async fn as_installed(instance: &Instance) -> Self {
        Self::with_location(instance, "").await
    }

    /// Debian's defaults, `proxy_pass`, and these lines beside it.
    pub async fn with_location(instance: &Instance, lines: &str) -> Self {
        Self::at(free_port(), instance, lines).await
    }

    /// The same at a port that is known before: of whoever has to name the address that browsers see.
    pub async fn at(port: u16, instance: &Instance, lines: &str) -> Self {
        let upstream = &instance.url;
        let server = format!(
            "server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {upstream}; {lines} }} }}"
        );
        Self::start(port, &format!("{DEBIAN} {server}")).await
    }

    /// deploy/nginx.conf, with only addresses and paths changed.
    pub async fn as_recommended(instances: &[Instance]) -> Self {
        let port = free_port();
        let mut conf =
            fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/nginx.conf"))
                .expect("deploy/nginx.conf");
        let (_, server) = conf.split_once("server 127.0.0.1:8000").expect("a server");
        let server = format!(
            "server 127.0.0.1:8000{}",
            server.lines().next().expect("its line")
        );
        let servers = instances.iter().map(|instance| {
            let address = instance.url.trim_start_matches("http://");
            server.replace("127.0.0.1:8000", address) + "\n"
        });
        let changes = [
            (&*server, servers.collect()),
            ("listen 80;", format!("listen 127.0.0.1:{port};")),
            ("/var/log/nginx/causerie.log", "access.log".to_owned()),
            (
                "/var/log/nginx/causerie-streams.log",
                "streams.log".to_owned(),
            ),
        ];
        for (there, here) in changes {
            assert_eq!(
                conf.matches(there).count(),
                1,
                "deploy/nginx.conf has {there:?} once"
            );
            conf = conf.replace(there, &here);
        }
        Self::start(port, &conf).await
    }

    async fn start(port: u16, http: &str) -> Self {
        let directory =
            std::env::temp_dir().join(format!("causerie-nginx-{}-{port}", std::process::id()));
        fs::create_dir(&directory).expect("a directory of its own");
        // Started by root, its workers are another user, who has to get in.
        fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).expect("ours");
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};\n"))
            .concat();
        let conf = format!(
            "pid nginx.pid;\nerror_log error.log;\nevents {{ worker_connections 10000; }}\nhttp {{\n{temporary}{http}\n}}\n"
        );
        fs::write(directory.join("nginx.conf"), conf).expect("writable");
        let nginx = Self {
            url: format!("http://127.0.0.1:{port}"),
            process: spawn(&directory),
            directory,
        };
        nginx.ready().await;
        nginx
    }

    /// Cuts every connection, and comes back at the same address.
    pub async fn restart(&mut self) {
        self.stop();
        self.process = spawn(&self.directory);
        self.ready().await;
    }

    async fn ready(&self) {
        eventually("nginx answers", async || {
            let answer = reqwest::get(format!("{}/healthz", self.url)).await.ok()?;
            answer.status().is_success().then_some(())
        })
        .await;
    }

    /// What it wrote to the files of these names.
    pub fn logs(&self, names: &[&str]) -> String {
        names
            .iter()
            .map(|name| fs::read_to_string(self.directory.join(name)).unwrap_or_default())
            .collect()
    }

    /// The master ends its workers and itself at once.
    pub fn stop(&mut self) {
        let _ = kill(Pid::from_raw(self.process.id() as i32), Signal::SIGTERM);
        let _ = self.process.wait();
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            eprintln!("nginx: {}", self.logs(&["stderr.log", "error.log"]));
        }
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn spawn(directory: &Path) -> Child {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let everywhere = std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from));
    let program = everywhere
        .map(|place| place.join("nginx"))
        .find(|program| program.is_file());
    let program = program.expect("nginx is not installed: script/test installs it");
    let errors = File::options()
        .create(true)
        .append(true)
        .open(directory.join("stderr.log"))
        .expect("writable");
    let mut command = Command::new(program);
    command
        .arg("-p")
        .arg(directory)
        .arg("-c")
        .arg(directory.join("nginx.conf"))
        .args(["-g", "daemon off;"]);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(errors)
        .spawn()
        .expect("nginx starts")
}

/// Below the ports that the kernel gives to outgoing connections: while its owner restarts, nobody else gets it.
pub fn free_port() -> u16 {
    let give_up = std::time::Instant::now() + PATIENCE;
    while std::time::Instant::now() < give_up {
        let port = rand::random_range(10_000..30_000);
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
