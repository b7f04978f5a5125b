//! The hop from a client to a server: TLS, whose certificate the client knows, or nothing.

use std::path::Path;

use journal::accounts::{Cluster, Server, Tls};
use journal::broker::BrokerOptions;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use tokio::process::Command;

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
