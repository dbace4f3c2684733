//! A TCP proxy in user space, between the service and Postgres or between clients and the service. What it does to the
//! connections that pass can be changed at any moment, for those that are open as well as for the next.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where connections go on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What becomes of what passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Each piece is passed on this much later.
    Delay(Duration),
    /// Each connection is cut after so many bytes more, those of both directions together.
    CutAfter(usize),
    /// Nothing gets through and nobody is told. When it is over, what was sent meanwhile arrives, as TCP would send it
    /// again; or not at all, because its sender has given up.
    BlackHole,
    /// Each third COMMIT of the service loses its connection.
    CutAtCommit(Cut),
    /// Open connections are cut, new ones are closed at once.
    Refuse,
}

/// What has become of a COMMIT when its connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Postgres never gets it: rolled back.
    Before,
    /// Postgres has it, perhaps not read yet.
    Passed,
    /// Postgres has answered, and the answer is lost.
    Answered,
}

/// A COMMIT as the service's writer sends it: a simple query.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";
const ONE_IN: usize = 3;

pub struct Proxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

struct Shared {
    rules: watch::Sender<Rules>,
    commits: AtomicUsize,
    cuts: AtomicUsize,
}

#[derive(Clone)]
struct Rules {
    fault: Fault,
    upstream: Upstream,
}

/// What the two directions of a connection share.
#[derive(Default)]
struct Link {
    /// Bytes since the connection is to be cut after some.
    passed: AtomicUsize,
    /// The next answer is the one that must not arrive.
    is_last: AtomicBool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Proxy {
    /// Listens on a free port of its own. Ends, with all its connections, when it is dropped.
    pub async fn start(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let rules = Rules {
            fault: Fault::None,
            upstream,
        };
        let shared = Arc::new(Shared {
            rules: watch::Sender::new(rules),
            commits: AtomicUsize::new(0),
            cuts: AtomicUsize::new(0),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, shared.clone()));
        Self {
            address,
            shared,
            _tasks: tasks,
        }
    }

    pub fn set(&self, fault: Fault) {
        self.shared.rules.send_modify(|rules| rules.fault = fault);
    }

    /// For connections to come.
    pub fn lead_to(&self, upstream: Upstream) {
        self.shared
            .rules
            .send_modify(|rules| rules.upstream = upstream);
    }

    /// Connections that were cut on purpose.
    pub fn cuts(&self) -> usize {
        self.shared.cuts.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        // An error is one of that connection alone.
        if let Ok((client, _)) = listener.accept().await {
            let shared = shared.clone();
            connections.spawn(async move {
                // However it ends, both sides are closed.
                let _ = carry(client, &shared).await;
            });
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(client: TcpStream, shared: &Shared) -> Result<()> {
    let mut rules = shared.rules.subscribe();
    let Rules { fault, upstream } = out_of_the_hole(&mut rules).await;
    if fault == Fault::Refuse {
        return Ok(());
    }
    client.set_nodelay(true)?;
    let server: Box<dyn Stream> = match upstream {
        Upstream::Tcp(address) => {
            let server = TcpStream::connect(address).await?;
            server.set_nodelay(true)?;
            Box::new(server)
        }
        Upstream::Unix(path) => Box::new(UnixStream::connect(path).await?),
    };
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let link = Link::default();
    tokio::select! {
        ended = pump(from_client, to_server, Way::Up, &link, shared) => ended,
        ended = pump(from_server, to_client, Way::Down, &link, shared) => ended,
        _ = rules.wait_for(|rules| rules.fault == Fault::Refuse) => Ok(()),
    }
}

/// Passes on what comes, until the end of either side or the cut.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    link: &Link,
    shared: &Shared,
) -> Result<()> {
    let mut rules = shared.rules.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        let Rules { fault, .. } = out_of_the_hole(&mut rules).await;
        let chunk = &buffer[..read];
        if link.is_last.load(Ordering::Relaxed) {
            return cut(shared);
        }
        match fault {
            Fault::Delay(delay) => tokio::time::sleep(delay).await,
            Fault::CutAfter(bytes) => {
                let passed = link.passed.fetch_add(read, Ordering::Relaxed);
                if passed + read > bytes {
                    to.write_all(&chunk[..bytes.saturating_sub(passed)]).await?;
                    return cut(shared);
                }
            }
            Fault::CutAtCommit(how) if way == Way::Up && shared.is_next_commit(chunk) => {
                match how {
                    Cut::Before => return cut(shared),
                    Cut::Answered => link.is_last.store(true, Ordering::Relaxed),
                    Cut::Passed => {
                        to.write_all(chunk).await?;
                        return cut(shared);
                    }
                }
            }
            _ => {}
        }
        to.write_all(chunk).await?;
    }
}

impl Shared {
    fn is_next_commit(&self, chunk: &[u8]) -> bool {
        chunk.windows(COMMIT.len()).any(|bytes| bytes == COMMIT)
            && self
                .commits
                .fetch_add(1, Ordering::Relaxed)
                .is_multiple_of(ONE_IN)
    }
}

fn cut(shared: &Shared) -> Result<()> {
    shared.cuts.fetch_add(1, Ordering::Relaxed);
    Err(Error::from(ErrorKind::ConnectionAborted))
}

/// The rules that hold as soon as something gets through.
async fn out_of_the_hole(rules: &mut watch::Receiver<Rules>) -> Rules {
    let open = rules
        .wait_for(|rules| rules.fault != Fault::BlackHole)
        .await
        .map(|rules| rules.clone());
    match open {
        Ok(rules) => rules,
        // The proxy is gone, and this task with it.
        Err(_) => std::future::pending().await,
    }
}
