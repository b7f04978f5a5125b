//! The configuration file of a server of a shared installation.
//!
//! **Invariant.** `sync_interval: always`, TLS 1.3 on every hop, servers of a cluster know each other by certificate, no
//! user without credentials, monitoring on loopback only.

use std::path::PathBuf;

use crate::broker::{BOUNDS, quoted};

/// The files of one side of TLS (PEM).
#[derive(Debug, Clone)]
pub struct Tls {
    /// The server's certificate, with those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authority that signed it.
    pub authority: PathBuf,
}

/// How servers of a cluster reach each other.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The cluster's name.
    pub name: String,
    /// Where this server listens for the others: `0.0.0.0:6222`.
    pub listen: String,
    /// The others: `tls://nats-2:6222`.
    pub routes: Vec<String>,
    /// What servers show each other: both sides are checked.
    pub tls: Tls,
}

/// One server of a shared installation.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its name, unlike any other's in the cluster.
    pub name: String,
    /// Where clients connect: `0.0.0.0:4222`.
    pub listen: String,
    /// Where it tells how it is, on loopback: `127.0.0.1:8222`.
    pub monitoring: Option<String>,
    /// What it shows clients.
    pub tls: Tls,
    /// The other servers, if any.
    pub cluster: Option<Cluster>,
    /// The directory of its streams.
    pub store_dir: PathBuf,
    /// The bytes that all streams together may take: four fifths of the disk.
    pub max_store_bytes: u64,
    /// Whom it trusts: [`super::Operator::configuration`].
    pub accounts: String,
}

impl Server {
    /// The file, whole.
    #[must_use]
    pub fn configuration(&self) -> String {
        let Self { name, listen, max_store_bytes, accounts, .. } = self;
        let store = quoted(&self.store_dir);
        let tls = tls(&self.tls, "handshake_first: auto");
        let monitoring = self.monitoring.as_ref().map(|at| format!("http: \"{at}\"\n")).unwrap_or_default();
        let cluster = self.cluster.as_ref().map(cluster).unwrap_or_default();
        format!(
            r#"# Written by continuum: edits are lost.
server_name: "{name}"
listen: "{listen}"
{monitoring}logtime: true

# A client may begin with TLS at once; one that waits for a greeting gets it after a moment, and TLS then.
{tls}
{BOUNDS}
jetstream {{
  store_dir: {store}
  # An acknowledgement means that the message is on disk.
  sync_interval: always
  max_file_store: {max_store_bytes}
  max_memory_store: 256MB
  limits {{ max_ha_assets: 200, duplicate_window: "24h" }}
}}
{cluster}
{accounts}"#
        )
    }
}

fn tls(files: &Tls, more: &str) -> String {
    let [certificate, key, authority] = [&files.certificate, &files.key, &files.authority].map(|p| quoted(p));
    format!(
        "tls {{\n  cert_file: {certificate}\n  key_file: {key}\n  ca_file: {authority}\n  min_version: \"1.3\"\n  \
         timeout: 3\n  {more}\n}}\n"
    )
}

fn cluster(cluster: &Cluster) -> String {
    let Cluster { name, listen, routes, .. } = cluster;
    let routes: Vec<String> = routes.iter().map(|route| format!("\"{route}\"")).collect();
    let tls = tls(&cluster.tls, "verify: true");
    format!("cluster {{\nname: \"{name}\"\nlisten: \"{listen}\"\nroutes: [{}]\n{tls}}}\n", routes.join(", "))
}
