//! The hop from a client to a server: TLS, whose certificate the client knows, or nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Span;
use journal::accounts::{Cluster, Server, Tls};
use journal::accounts::{CoreUser, Operator};
use journal::broker::BrokerOptions;
use journal::{Journal, JournalConfig, OpenError, Provision};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::support::{decision, now, place};

/// An authority, and a server's certificate for loopback that it signed, in `dir`.
pub(crate) fn certificates(dir: &Path, name: &str) -> Tls {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    // Two names: a certificate that is called like its issuer counts as signed by itself.
    params.distinguished_name.push(DnType::CommonName, "authority");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &authority).unwrap();
    let file = |ending: &str| dir.join(format!("{name}.{ending}"));
    let tls = Tls { certificate: file("crt"), key: file("key"), authority: file("ca") };
    std::fs::write(&tls.certificate, certificate.pem()).unwrap();
    std::fs::write(&tls.key, key.serialize_pem()).unwrap();
    std::fs::write(&tls.authority, authority.pem()).unwrap();
    tls
}

/// A server of a shared installation on a port of loopback.
pub(crate) fn server(dir: &Path, port: u16, accounts: String) -> Server {
    Server {
        name: "nats-1".to_owned(),
        listen: format!("127.0.0.1:{port}"),
        monitoring: None,
        tls: certificates(dir, "server"),
        cluster: None,
        store_dir: dir.join("js"),
        max_store_bytes: 1 << 40,
        accounts,
    }
}

/// A port on loopback that is free right now.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// The server accepts the file of a cluster with these accounts.
pub(crate) async fn check_configuration(dir: &Path, accounts: String) {
    let cluster = Cluster {
        name: "continuum".to_owned(),
        listen: "127.0.0.1:6222".to_owned(),
        routes: vec!["tls://127.0.0.1:6223".to_owned(), "tls://127.0.0.1:6224".to_owned()],
        tls: certificates(dir, "cluster"),
    };
    let monitoring = Some("127.0.0.1:8222".to_owned());
    let server = Server { cluster: Some(cluster), monitoring, ..server(dir, 4222, accounts) };
    let file = dir.join("nats-server.conf");
    std::fs::write(&file, server.configuration()).unwrap();
    let binary = BrokerOptions::temporary().await.unwrap().binary;
    let output = Command::new(binary).arg("-t").arg("-c").arg(&file).output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A server with signed tokens behind TLS, and what connects to it.
struct Shared {
    dir: tempfile::TempDir,
    port: u16,
    authority: PathBuf,
    admin: PathBuf,
    intake: PathBuf,
    _server: Child,
}

impl Shared {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (home, offline) = (dir.path().join("operator"), dir.path().join("offline.nk"));
        let now = now();
        let until = now + Span::new().hours(1);
        let streams = vec!["JOURNAL".to_owned()];
        let operator =
            Operator::open_or_create(&home, &"test".parse().unwrap(), &offline, streams, now).unwrap();
        let [admin, intake] =
            [CoreUser::Admin, CoreUser::Intake].map(|user| operator.credentials(user, now, until).unwrap());
        let port = free_port();
        let server = server(dir.path(), port, operator.configuration(&dir.path().join("jwt"), now).unwrap());
        let file = dir.path().join("nats-server.conf");
        std::fs::write(&file, server.configuration()).unwrap();
        let binary = BrokerOptions::temporary().await.unwrap().binary;
        let log = std::fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new(binary).arg("-c").arg(&file).stderr(log).kill_on_drop(true).spawn().unwrap();
        let shared = Self { dir, port, authority: server.tls.authority, admin, intake, _server: child };
        let up = async {
            while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_secs(30), up).await.unwrap();
        shared
    }

    fn config(&self, user: CoreUser, scheme: &str) -> JournalConfig {
        let credentials = if user == CoreUser::Admin { &self.admin } else { &self.intake };
        JournalConfig {
            credentials: Some(credentials.clone()),
            root_certificates: Some(self.authority.clone()),
            inbox: Some(user.inbox()),
            connect_within: Duration::from_secs(5),
            max_bytes: 64 << 20,
            max_key_bytes: 16 << 20,
            ..JournalConfig::at(format!("{scheme}://127.0.0.1:{}", self.port))
        }
    }
}

#[tokio::test]
async fn a_journal_is_opened_over_tls_by_who_knows_the_authority_and_by_nobody_in_clear() {
    let shared = Shared::start().await;
    Journal::provision(shared.config(CoreUser::Admin, "tls")).await.unwrap();
    let service = JournalConfig { provision: Provision::Verify, ..shared.config(CoreUser::Intake, "tls") };
    let journal = Journal::open(service.clone()).await.unwrap();
    journal.append(decision(1, &[(place(1), 0)])).await.unwrap();
    assert_eq!(journal.range(0, 10).await.unwrap().len(), 1);

    let other = certificates(shared.dir.path(), "other").authority;
    for wrong in [Some(other), None] {
        let refused = Journal::open(JournalConfig { root_certificates: wrong, ..service.clone() }).await;
        assert!(matches!(refused, Err(OpenError::Unreachable(_))), "{refused:?}");
    }
    assert!(in_clear(shared.port).await.is_none(), "nobody is taken without TLS");
}

#[tokio::test]
async fn a_service_is_refused_what_only_the_administrator_may() {
    let shared = Shared::start().await;
    Journal::provision(shared.config(CoreUser::Admin, "tls")).await.unwrap();
    let service =
        JournalConfig { ack_wait: Duration::from_millis(300), ..shared.config(CoreUser::Intake, "tls") };
    // A larger journal would have to be changed, which a service may not.
    let larger = JournalConfig { max_bytes: 128 << 20, ..service };
    let refused = Journal::open(larger).await;
    assert!(matches!(refused, Err(OpenError::Refused { action: "change", .. })), "{refused:?}");
}

/// What a server answers to who speaks the protocol without TLS and has no credentials to lose.
async fn in_clear(port: u16) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let mut said = String::new();
    stream.write_all(b"CONNECT {\"verbose\":true,\"tls_required\":false}\r\nPING\r\n").await.ok()?;
    let read = timeout(Duration::from_secs(10), stream.read_to_string(&mut said)).await;
    // The server hangs up on whoever does not begin with TLS.
    assert!(read.is_ok(), "the server keeps talking: {said}");
    said.contains("PONG").then_some(said)
}
