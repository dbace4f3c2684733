//! One connection, by hand: what no decent client does cannot be asked of one.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::support::{PATIENCE, Person};

/// The address in a URL.
fn address(url: &str) -> std::net::SocketAddr {
    let address = url.trim_start_matches("http://");
    address.parse().expect("an address and a port")
}

/// Asks for `path`, and reads nothing yet. `receive` bytes are what the kernel takes in beforehand; none = its own choice.
pub async fn ask(person: &Person, path: &str, receive: Option<u32>) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    if let Some(size) = receive {
        socket.set_recv_buffer_size(size).expect("a size");
    }
    let connected = timeout(PATIENCE, socket.connect(address(&person.base))).await;
    let mut stream = connected.expect("it answers").expect("it accepts");
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: causerie\r\nAuthorization: Bearer {}\r\n\r\n",
        person.token
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream
}

/// Sends these bytes, and nothing after them.
pub async fn send_half(url: &str, bytes: &[u8]) -> TcpStream {
    let connected = timeout(PATIENCE, TcpStream::connect(address(url))).await;
    let mut stream = connected.expect("it answers").expect("it accepts");
    stream.write_all(bytes).await.expect("sent");
    stream
}

/// Reads until `text` has come.
pub async fn read_until(stream: &mut TcpStream, text: &str) {
    let mut seen = Vec::new();
    let mut some = [0; 4096];
    while !seen.windows(text.len()).any(|part| part == text.as_bytes()) {
        let n = timeout(PATIENCE, stream.read(&mut some)).await;
        let n = n.expect("it goes on").expect("readable");
        assert!(n > 0, "it ended: {}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&some[..n]);
    }
}

/// How a client goes away without a word of HTTP.
#[derive(Debug, Clone, Copy)]
pub enum Vanishing {
    /// The connection is reset, as by a process that was killed.
    Reset,
    /// The client's half is closed, as TCP does it when a lid is shut properly. What still comes is not read.
    Close,
}

/// Gives what has to be kept until the other side has noticed.
pub async fn vanish(mut stream: TcpStream, how: Vanishing) -> Option<TcpStream> {
    match how {
        Vanishing::Reset => {
            stream.set_zero_linger().expect("a socket");
            None
        }
        Vanishing::Close => {
            stream.shutdown().await.expect("it was open");
            Some(stream)
        }
    }
}

/// Something between client and service that passes bytes on until it goes black: then it takes none in, says nothing,
/// and TCP goes on as if all were well.
pub struct BlackHole {
    pub url: String,
    is_black: watch::Sender<bool>,
}

impl BlackHole {
    pub async fn before(url: &str) -> Self {
        let (is_black, seen) = watch::channel(false);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.expect("a port");
        let here = listener.local_addr().expect("an address");
        let there = address(url);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut seen = seen.clone();
                tokio::spawn(async move {
                    let mut service = TcpStream::connect(there).await.expect("it accepts");
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut service) => return,
                        _ = seen.wait_for(|is_black| *is_black) => {}
                    }
                    // Neither read nor closed, for as long as the hole is there.
                    let _ = seen.wait_for(|is_black| !*is_black).await;
                });
            }
        });
        Self {
            url: format!("http://{here}"),
            is_black,
        }
    }

    pub fn go_black(&self) {
        self.is_black.send_replace(true);
    }
}
