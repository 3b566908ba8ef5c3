use std::{path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tandem_switch_link::{HostMessage, PROTOCOL, Refusal};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::client_async;

use super::{
    super::{Error, Options, Service, TlsFiles},
    Running, caller,
    host::Host,
    options,
};

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/gateway/tests")).join(name)
}

fn tls(key: &str) -> Option<TlsFiles> {
    Some(TlsFiles { certificate: file("server.pem"), key: file(key) })
}

#[tokio::test]
async fn what_others_can_reach_must_be_protected() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef").unwrap();
    let open = "0.0.0.0:0".parse().unwrap();
    let everywhere = || Options { listen: open, ..options(vec![]) };
    let bind = |options| async { Service::bind(options).await.map(drop) };
    let unprotected =
        [everywhere(), Options { tls: tls("server.key"), ..everywhere() }, Options { token_file: Some(token.clone()), ..everywhere() }];
    for options in unprotected {
        assert!(matches!(bind(options).await, Err(Error::Unprotected(_))));
    }
    bind(Options { tls: tls("server.key"), token_file: Some(token), ..everywhere() }).await.unwrap();
    assert!(matches!(bind(Options { control: Some(open), ..options(vec![]) }).await, Err(Error::OpenControl(_))));
    for key in ["ca.pem", "no-such.key"] {
        let error = bind(Options { tls: tls(key), ..options(vec![]) }).await.unwrap_err();
        assert!(error.to_string().contains(key), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_served_over_tls_by_who_knows_the_secret() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef\n").unwrap();
    let running = Running::start(Options { tls: tls("server.key"), token_file: Some(token), ..options(vec![caller(1, 10)]) }).await;

    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(config));
    let connect = || async {
        let stream = TcpStream::connect(running.handle.listens_on()).await.unwrap();
        let stream = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        Host::on(client_async("wss://localhost/", stream).await.unwrap().0)
    };
    let mut stranger = connect().await;
    let hello = HostMessage::Hello {
        protocols: vec![1],
        cluster: "cc1".into(),
        node: 101,
        instance: "101/a".into(),
        token: Some("guessed".into()),
    };
    stranger.says(&[hello]).await;
    assert_eq!(stranger.is_refused().await.0, Refusal::Token);

    let mut host = connect().await;
    host.greets(Some("0123456789abcdef")).await;
    host.leads(1).await;
    assert_eq!(host.serves().await, 1);
    assert!(running.end().await.over);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_gateway_still_knows_who_led_and_has_a_new_incarnation() {
    let folder = tempfile::tempdir().unwrap();
    let life = || Options { state_file: Some(folder.path().join("gateway.json")), ..options(vec![caller(1, 1_000)]) };
    let running = Running::start(life()).await;
    let first = Host::leading(&running.url(), 5).await;
    running.stop().await;

    let running = Running::start(life()).await;
    let mut old = Host::greeted(&running.url()).await;
    assert!(old.incarnation > first.incarnation);
    old.says(&[HostMessage::Lead { epoch: 4, store: 7 }]).await;
    assert_eq!(old.is_refused().await.0, Refusal::Fenced);
    let mut other = Host::greeted(&running.url()).await;
    other.says(&[HostMessage::Lead { epoch: 6, store: 8 }]).await;
    assert_eq!(other.is_refused().await.0, Refusal::Store);
    let mut next = Host::leading(&running.url(), 5).await;
    assert_eq!(next.serves().await, 1);
    assert!(running.end().await.over);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_severed_instance_is_cut_off_until_it_is_admitted() {
    let running = Running::start(options(vec![caller(1, 1_000)])).await;
    let mut host = Host::leading(&running.url(), 1).await;
    running.handle.sever("101/a".parse().unwrap()).await.unwrap();
    assert!(host.next().await.is_none(), "closed without a word");
    assert!(!running.handle.status().await.unwrap().led);
    let mut again = Host::connect(&running.url()).await;
    let hello = HostMessage::Hello { protocols: vec![PROTOCOL], cluster: "cc1".into(), node: 101, instance: "101/a".into(), token: None };
    again.says(&[hello]).await;
    assert!(again.next().await.is_none(), "its hello is not answered");
    running.handle.sever("101/b".parse().unwrap()).await.unwrap();
    running.handle.admit("101/a".parse().unwrap()).await.unwrap();
    let mut host = Host::leading(&running.url(), 1).await;
    assert_eq!(host.serves().await, 1);
    assert!(running.end().await.over);
}
