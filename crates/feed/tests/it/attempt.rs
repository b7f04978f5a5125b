//! One attempt, against receivers that behave in every way.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use feed::sending::{Failure, Verdict};
use feed::webhook::attempt::Limits;
use feed::webhook::sign::Received;
use feed::webhook::target::{Refused, Resolver};
use feed::webhook::{Client, Policy, Target};
use futures_util::future::BoxFuture;
use rcgen::{CertificateParams, Issuer, KeyPair};
use service::outgoing::Tls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::receiver::{Manner, Receiver, client, keys, noon, policy, secret};

const BODY: &[u8] = br#"{"type":"referral.proposed"}"#;

async fn send(client: &Client, target: &Target) -> Verdict {
    client.attempt(target, &keys(), &"msg_1".parse().unwrap(), Bytes::from_static(BODY), noon()).await
}

/// What comes of an attempt at a receiver that behaves so.
async fn against(manner: Manner, whole: Duration) -> (Verdict, Duration) {
    let receiver = Receiver::start(manner).await;
    let began = Instant::now();
    let verdict = send(&client(whole), &receiver.target()).await;
    (verdict, began.elapsed())
}

fn failed(why: Failure) -> Verdict {
    Verdict::Failed { why, asked: None }
}

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_message_arrives_signed_and_says_what_it_is() {
    let receiver = Receiver::start(Manner::well()).await;
    let target = policy().read(&format!("http://{}/hooks?for=us", receiver.address)).unwrap();
    assert_eq!(send(&client(LONG), &target).await, Verdict::Delivered);
    let came = receiver.came.borrow()[0].clone();
    assert_eq!(came.line, "POST /hooks?for=us HTTP/1.1");
    assert_eq!(came.header("host"), receiver.address.to_string());
    assert_eq!(came.header("content-type"), "application/json");
    assert!(came.header("user-agent").starts_with("continuum-webhooks/"), "{came:?}");
    assert_eq!(came.header("webhook-timestamp"), noon().as_second().to_string());
    assert_eq!(came.body, BODY);
    let (id, timestamp) = (came.header("webhook-id"), came.header("webhook-timestamp"));
    let received = Received { id, timestamp, signature: came.header("webhook-signature") };
    assert_eq!(received.verify(&secret(), &came.body, noon()), Ok(()));
}

#[tokio::test]
async fn the_status_alone_says_whether_a_message_was_taken() {
    for (status, verdict) in [
        (200, Verdict::Delivered),
        (202, Verdict::Delivered),
        (299, Verdict::Delivered),
        (410, Verdict::Gone),
        (301, failed(Failure::Redirect(301))),
        (304, failed(Failure::Redirect(304))),
        (308, failed(Failure::Redirect(308))),
        (400, failed(Failure::Status(400))),
        (404, failed(Failure::Status(404))),
        (429, failed(Failure::Status(429))),
        (500, failed(Failure::Status(500))),
        (503, failed(Failure::Status(503))),
    ] {
        assert_eq!(against(Manner::answers(status, ""), LONG).await.0, verdict, "{status}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Receiver::start(Manner::well()).await;
    let location = format!("location: http://{}/\r\n", elsewhere.address);
    let (verdict, _) = against(Manner::answers(307, &location), LONG).await;
    assert_eq!(verdict, failed(Failure::Redirect(307)));
    assert_eq!(elsewhere.open.borrow().1, 0, "nobody went there");
}

#[tokio::test]
async fn an_endpoint_that_is_busy_says_for_how_long() {
    for (status, header, asked) in [
        (429, "120", Some(120)),
        (503, " 7 ", Some(7)),
        (503, "99999999999999999999999", Some(u64::MAX)),
        (429, "Sun, 15 Mar 2026 12:10:00 GMT", Some(600)),
        (429, "Sun, 15 Mar 2026 11:00:00 GMT", Some(0)),
        (429, "soon", None),
        (429, "-5", None),
        (429, "", None),
        (500, "120", None),
    ] {
        let manner = Manner::answers(status, &format!("retry-after: {header}\r\n"));
        let asked = asked.map(Duration::from_secs);
        let verdict = Verdict::Failed { why: Failure::Status(status), asked };
        assert_eq!(against(manner, LONG).await.0, verdict, "{header}");
    }
}

#[tokio::test]
async fn who_is_silent_or_trickles_is_cut_off_in_time() {
    for manner in
        [Manner::Silent, Manner::Trickles("HTTP/1.1 200 "), Manner::Trickles("HTTP/1.1 200 OK\r\nx-slow: ")]
    {
        let (verdict, took) = against(manner.clone(), SHORT).await;
        assert_eq!(verdict, failed(Failure::Timeout), "{manner:?}");
        assert!(took >= SHORT && took < LONG / 4, "{took:?}");
    }
    // The message was taken: that its receiver goes on talking is no reason to send it again.
    let (verdict, took) = against(Manner::Trickles("HTTP/1.1 200 OK\r\n\r\n"), SHORT).await;
    assert_eq!(verdict, Verdict::Delivered);
    assert!(took >= SHORT && took < LONG / 4, "{took:?}");
}

#[tokio::test]
async fn an_answer_is_read_no_further_than_its_bounds() {
    let (verdict, _) = against(Manner::Floods("HTTP/1.1 200 OK\r\n\r\n"), LONG).await;
    assert_eq!(verdict, Verdict::Delivered);
    let (verdict, _) =
        against(Manner::Floods("HTTP/1.1 500 x\r\ncontent-length: 999999999999\r\n\r\n"), LONG).await;
    assert_eq!(verdict, failed(Failure::Status(500)));
    let (verdict, _) = against(Manner::Floods("HTTP/1.1 200 OK\r\nx-long: "), LONG).await;
    assert_eq!(verdict, failed(Failure::Broken));
    let many = Manner::Says(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x-many: 1\r\n".repeat(100)));
    assert_eq!(against(many, LONG).await.0, failed(Failure::Broken));
}

#[tokio::test]
async fn what_is_not_http_is_a_failure() {
    for text in
        ["", "HTTP/1.1 20", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 99999 x\r\n\r\n", "\u{0}\u{0}\r\n\r\n"]
    {
        let (verdict, _) = against(Manner::Says(text.to_owned()), LONG).await;
        assert_eq!(verdict, failed(Failure::Broken), "{text:?}");
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_hangs_up() {
    let receiver = Receiver::start(Manner::Silent).await;
    let (client, target) = (client(LONG), receiver.target());
    let attempt = tokio::spawn(async move { send(&client, &target).await });
    let (mut came, mut open) = (receiver.came.subscribe(), receiver.open.subscribe());
    came.wait_for(|came| came.len() == 1).await.unwrap();
    attempt.abort();
    open.wait_for(|(now, _)| *now == 0).await.unwrap();
}

#[tokio::test]
async fn where_nobody_listens_there_is_no_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let target = policy().read(&format!("http://{address}/")).unwrap();
    assert_eq!(send(&client(LONG), &target).await, failed(Failure::Connect));
}

/// A resolver that answers with these addresses, one answer after the other; then with nothing.
struct Answers(Mutex<VecDeque<Vec<IpAddr>>>);

impl Answers {
    fn these(answers: &[&[&str]]) -> Arc<Self> {
        let addresses = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(addresses).collect())))
    }
}

impl Resolver for Answers {
    fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let answer = self.0.lock().unwrap().pop_front();
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

fn resolving(answers: &[&[&str]], tls: Tls) -> Client {
    Client::new(policy(), Limits { whole: LONG, ..Limits::default() }, tls, Answers::these(answers))
}

fn named(receiver: &Receiver, scheme: &str) -> Target {
    policy().read(&format!("{scheme}://receiver.test:{}/", receiver.address.port())).unwrap()
}

fn untrusting() -> Tls {
    Tls::trusting(&[]).unwrap()
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_later_gains_nothing() {
    let receiver = Receiver::start(Manner::well()).await;
    // 127.0.0.1 alone is allowed here; the same server could be reached at 127.0.0.2 if it listened there.
    let inside = format!("127.0.0.2:{}", receiver.address.port());
    let inside = Receiver::start_at(&inside, Manner::well(), None).await;
    let answers: [&[&str]; 6] = [
        &["127.0.0.1"],
        &["127.0.0.2"],
        &["127.0.0.1", "127.0.0.2"],
        &["127.0.0.1", "10.0.0.1"],
        &["::ffff:127.0.0.2"],
        &[],
    ];
    let (client, target) = (resolving(&answers, untrusting()), named(&receiver, "http"));
    assert_eq!(send(&client, &target).await, Verdict::Delivered);
    assert_eq!(
        receiver.came.borrow()[0].header("host"),
        format!("receiver.test:{}", receiver.address.port())
    );
    for _ in 1..5 {
        assert_eq!(send(&client, &target).await, failed(Failure::Refused(Refused::Internal)));
    }
    assert_eq!(send(&client, &target).await, failed(Failure::Dns), "no address");
    assert_eq!(send(&client, &target).await, failed(Failure::Dns), "no such name");
    assert_eq!((receiver.open.borrow().1, inside.open.borrow().1), (1, 0));
}

#[tokio::test]
async fn another_address_of_the_name_is_tried_when_one_does_not_answer() {
    let receiver = Receiver::start(Manner::well()).await;
    let policy = Policy { plain_http: true, allowed: Arc::new(["127.0.0.0/8".parse().unwrap()]) };
    let answers = Answers::these(&[&["127.0.0.3", "127.0.0.1"]]);
    let client = Client::new(policy, Limits::default(), untrusting(), answers);
    assert_eq!(send(&client, &named(&receiver, "http")).await, Verdict::Delivered);
}

/// An authority, and a server that it vouches for under the name `receiver.test`.
fn certified() -> (Vec<u8>, TlsAcceptor) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = authority.self_signed(&key).unwrap();
    let issuer = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["receiver.test".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &issuer).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(chain, key).unwrap();
    (root.der().to_vec(), TlsAcceptor::from(Arc::new(config)))
}

#[tokio::test]
async fn over_tls_a_message_goes_to_whoever_proves_its_name_and_to_nobody_else() {
    let (root, acceptor) = certified();
    let receiver = Receiver::start_at("127.0.0.1:0", Manner::well(), Some(acceptor)).await;
    let trusting = || Tls::trusting(std::slice::from_ref(&root)).unwrap();
    let here: [&[&str]; 1] = [&["127.0.0.1"]];
    let https = named(&receiver, "https");
    assert_eq!(send(&resolving(&here, trusting()), &https).await, Verdict::Delivered);
    assert_eq!(send(&resolving(&here, untrusting()), &https).await, failed(Failure::Tls));
    let other = policy().read(&format!("https://other.test:{}/", receiver.address.port())).unwrap();
    assert_eq!(send(&resolving(&here, trusting()), &other).await, failed(Failure::Tls), "another name");
    assert_eq!(receiver.came.borrow().len(), 1);
}

#[tokio::test]
async fn who_speaks_no_tls_is_told_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let heard = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let mut heard = Vec::new();
        // However it ends, by a close or a reset.
        let _ = stream.read_to_end(&mut heard).await;
        heard
    });
    assert_eq!(send(&client(LONG), &policy().read(&url).unwrap()).await, failed(Failure::Tls));
    let heard = heard.await.unwrap();
    assert!(!heard.windows(4).any(|window| window == b"POST" || window == b"hook"), "nothing in the clear");
}
