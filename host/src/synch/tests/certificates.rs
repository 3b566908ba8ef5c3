//! TLS with certificates on both sides.

use std::fs;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

use super::*;

struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// Writes `NAME.pem`.
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join(format!("{name}.pem")), params.self_signed(&key).unwrap().pem()).unwrap();
        Authority(Issuer::new(params, key))
    }

    /// Writes `NAME.pem` and `NAME.key` for this machine. `until`: the year in which it expires.
    fn sign(&self, folder: &Path, name: &str, until: i32) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let key = KeyPair::generate().unwrap();
        fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, &self.0).unwrap().pem()).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_of_one_authority_are_taken_and_others_not_until_they_are_right() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "ca");
    authority.sign(folder, "a", 2100);
    let stranger = Authority::new(folder, "stranger");
    let mut primary = Primary::start(Options { tls: Some(tls(folder, "a")), ..options('a', 0, 0) }).await;

    stranger.sign(folder, "b", 2100);
    let mut backup = Backup::start(Options { tls: Some(tls(folder, "b")), ..options('b', 0, primary.port) });
    primary.problem("TLS with 127.0.0.1").await;
    primary.problem("UnknownIssuer").await;
    authority.sign(folder, "b", 2002);
    primary.problem("expired").await;
    fs::write(folder.join("b.key"), "no key").unwrap();
    backup.problem("b.key").await;
    // The cause is gone: it ends by itself.
    authority.sign(folder, "b", 2100);
    backup.is_told(&BackupNews::Full);
    primary.is_told("standing false");
    backup.take_over().await;
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_with_a_wrong_or_expired_certificate_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "ca");
    let stranger = Authority::new(folder, "stranger");
    authority.sign(folder, "b", 2100);
    stranger.sign(folder, "a", 2100);
    let primary = Primary::start(Options { tls: Some(tls(folder, "a")), ..options('a', 0, 0) }).await;
    let mut backup = Backup::start(Options { tls: Some(tls(folder, "b")), ..options('b', 0, primary.port) });
    backup.problem("UnknownIssuer").await;
    authority.sign(folder, "a", 2002);
    backup.problem("expired").await;
    authority.sign(folder, "a", 2100);
    backup.is_told(&BackupNews::Full);
    backup.take_over().await;
    primary.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_certificate_nobody_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let authority = Authority::new(folder, "ca");
    authority.sign(folder, "a", 2100);
    let mut primary = Primary::start(Options { tls: Some(tls(folder, "a")), ..options('a', 0, 0) }).await;
    let backup = Backup::of(&primary);
    primary.problem("TLS with 127.0.0.1").await;
    let (_, certain) = backup.take_over().await.into_kept(3, false);
    assert!(!certain);
    primary.stop().await;
}
