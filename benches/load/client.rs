//! A light client: one HTTP/1 connection, requests that are made beforehand, answers that are not parsed.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// What is asked; cheap to ask again.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    path: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Ask {
    pub fn get(path: &str) -> Self {
        Self {
            method: Method::GET,
            path: path.parse().expect("a path"),
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub fn post(path: &str, body: impl Into<Bytes>) -> Self {
        let ask = Self {
            method: Method::POST,
            body: body.into(),
            ..Self::get(path)
        };
        ask.with(CONTENT_TYPE, "application/json")
    }

    pub fn by(self, token: &str) -> Self {
        self.with(AUTHORIZATION, &format!("Bearer {token}"))
    }

    pub fn with(mut self, name: HeaderName, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.push((name, value));
        self
    }

    /// The same with another body.
    pub fn saying(&self, body: String) -> Self {
        Self {
            body: body.into(),
            ..self.clone()
        }
    }
}

/// One connection.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    host: HeaderValue,
}

impl Connection {
    pub async fn open(url: &str) -> Self {
        let address = url.strip_prefix("http://").expect("plain HTTP");
        let socket = TcpStream::connect(address).await.expect("it listens");
        socket.set_nodelay(true).expect("a TCP socket");
        let (requests, connection) = handshake(TokioIo::new(socket))
            .await
            .expect("a new connection");
        // It ends with the server or with us; whoever waits for an answer is told.
        tokio::spawn(connection);
        Self {
            requests,
            host: HeaderValue::from_str(address).expect("an address"),
        }
    }

    /// Asks, and gives the answer as soon as its head is there. An error of the server ends the benchmark.
    pub async fn start(&mut self, ask: &Ask) -> Response<Incoming> {
        let mut request = Request::new(Full::new(ask.body.clone()));
        *request.method_mut() = ask.method.clone();
        *request.uri_mut() = ask.path.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, self.host.clone());
        for (name, value) in &ask.headers {
            headers.insert(name.clone(), value.clone());
        }
        self.requests.ready().await.expect("still connected");
        let answer = self.requests.send_request(request).await;
        let answer = answer.expect("the server answers");
        let status = answer.status();
        if status.as_u16() >= 400 {
            let body = answer.into_body().collect().await.expect("a whole answer");
            let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
            panic!("{} {}: {status} {text}", ask.method, ask.path);
        }
        answer
    }

    /// Asks, and takes the whole answer.
    pub async fn ask(&mut self, ask: &Ask) -> Bytes {
        let answer = self.start(ask).await;
        let body = answer.into_body().collect().await;
        body.expect("a whole answer").to_bytes()
    }
}
