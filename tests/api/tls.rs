//! A Postgres behind TLS: the service speaks it, believes the right certificate alone, and never falls back.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use sqlx::postgres::PgConnectOptions;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::support::{Database, Instance, PATIENCE, Person, SECRET};

/// TLS before the test's Postgres, which listens on a socket without.
struct Front {
    port: u16,
    certificate: PathBuf,
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.certificate);
    }
}

impl Front {
    /// `speaks` TLS, or says that it does not.
    async fn of(database: &Database, speaks: bool) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .expect("a configuration");
        let acceptor = speaks.then(|| TlsAcceptor::from(Arc::new(config)));
        let name = format!("causerie-{}.pem", uuid::Uuid::now_v7());
        let certificate = std::env::temp_dir().join(name);
        std::fs::write(&certificate, cert.pem()).expect("written");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let behind: PgConnectOptions = database.url.parse().expect("a URL");
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, acceptor.clone(), behind.clone()));
            }
        });
        Self { port, certificate }
    }

    fn url(&self, database: &Database, more: &str) -> String {
        let behind: PgConnectOptions = database.url.parse().expect("a URL");
        let (user, name, port) = (behind.get_username(), &database.name, self.port);
        format!("postgres://{user}@localhost:{port}/{name}?{more}")
    }
}

/// Postgres's own way: the client asks for TLS in eight bytes, the server says S or N.
async fn serve(
    mut client: TcpStream,
    acceptor: Option<TlsAcceptor>,
    behind: PgConnectOptions,
) -> std::io::Result<()> {
    let mut asked = [0; 8];
    client.read_exact(&mut asked).await?;
    assert_eq!(
        asked,
        [0, 0, 0, 8, 4, 210, 22, 47],
        "an SSLRequest comes first"
    );
    let Some(acceptor) = acceptor else {
        return client.write_all(b"N").await;
    };
    client.write_all(b"S").await?;
    let mut client = acceptor.accept(client).await?;
    match behind.get_socket() {
        Some(directory) => {
            let socket = directory.join(format!(".s.PGSQL.{}", behind.get_port()));
            copy_bidirectional(&mut client, &mut UnixStream::connect(socket).await?).await?;
        }
        None => {
            let address = (behind.get_host(), behind.get_port());
            copy_bidirectional(&mut client, &mut TcpStream::connect(address).await?).await?;
        }
    }
    Ok(())
}

/// What it says when it does not start.
async fn refusal(database_url: &str) -> String {
    let mut program = Command::new(env!("CARGO_BIN_EXE_causerie"));
    program
        .env("DATABASE_URL", database_url)
        .env("CAUSERIE_JWT_SECRET", SECRET)
        .env("ROCKET_PORT", "0")
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, program.output()).await;
    let output = output.expect("it ends").expect("it ran");
    assert!(!output.status.success(), "it started");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn the_database_is_reached_by_tls_and_by_the_right_certificate_alone() {
    let database = Database::create().await;
    let front = Front::of(&database, true).await;
    let (ours, other) = (&front.certificate, Front::of(&database, false).await);
    let trusted = format!("sslmode=verify-full&sslrootcert={}", ours.display());
    let instance = Instance::start(&front.url(&database, &trusted), "", &[]).await;
    let alice = Person::new(&instance.url, "alice");
    assert_eq!(alice.get("/v1/me").await.ok()["id"], "alice");
    drop(instance);

    let strange = format!(
        "sslmode=verify-full&sslrootcert={}",
        other.certificate.display()
    );
    for (url, why) in [
        (front.url(&database, &strange), "certificate"),
        (other.url(&database, "sslmode=require"), "TLS"),
    ] {
        let said = refusal(&url).await;
        assert!(
            said.contains("the database does not answer") && said.contains(why),
            "{said}"
        );
    }
}
