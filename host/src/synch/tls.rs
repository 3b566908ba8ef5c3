//! TLS of the synch link: both sides show a certificate that `client-ca` signed.
//!
//! The files are read for each connection, so that renewed certificates count without a restart.

use std::{io, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Error;
use crate::options::Tls;

pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

/// A connection, with TLS or, on loopback, without.
pub(super) type Stream = Box<dyn Bytes>;

/// Somebody connected.
pub(super) async fn accepted(tcp: TcpStream, peer: &str, tls: Option<&Tls>) -> Result<Stream, Error> {
    tcp.set_nodelay(true)?;
    let Some(files) = tls else { return Ok(Box::new(tcp)) };
    let parts = Parts::read(files)?;
    let wrong = |why: String| Error::TlsFile { path: files.client_ca.clone(), why, expected: AUTHORITY };
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(parts.roots), Arc::new(ring::default_provider()));
    let verifier = verifier.build().map_err(|error| wrong(error.to_string()))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_client_cert_verifier(verifier).with_single_cert(parts.chain, parts.key))
        .map_err(|error| unfit(files, &error))?;
    let stream = TlsAcceptor::from(Arc::new(config)).accept(tcp).await;
    Ok(Box::new(stream.map_err(|cause| Error::Tls { peer: peer.to_owned(), cause })?))
}

/// This side connected to `host`.
pub(super) async fn connected(tcp: TcpStream, host: &str, tls: Option<&Tls>) -> Result<Stream, Error> {
    tcp.set_nodelay(true)?;
    let Some(files) = tls else { return Ok(Box::new(tcp)) };
    let parts = Parts::read(files)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_root_certificates(parts.roots).with_client_auth_cert(parts.chain, parts.key))
        .map_err(|error| unfit(files, &error))?;
    let failed = |cause| Error::Tls { peer: host.to_owned(), cause };
    let name = ServerName::try_from(host.to_owned()).map_err(|error| failed(io::Error::other(error)))?;
    Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(failed)?))
}

const CHAIN: &str = "the certificate chain, this instance's own certificate first";
const KEY: &str = "the private key of that certificate";
const AUTHORITY: &str = "the authority's certificate";

fn unfit(files: &Tls, error: &rustls::Error) -> Error {
    Error::TlsFile { path: files.key.clone(), why: error.to_string(), expected: KEY }
}

struct Parts {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    roots: RootCertStore,
}

impl Parts {
    fn read(files: &Tls) -> Result<Self, Error> {
        let chain = certificates(&files.certificate, CHAIN)?;
        let key = PrivateKeyDer::from_pem_file(&files.key);
        let key = key.map_err(|error| Error::TlsFile { path: files.key.clone(), why: error.to_string(), expected: KEY })?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&files.client_ca, AUTHORITY)? {
            let wrong =
                |error: rustls::Error| Error::TlsFile { path: files.client_ca.clone(), why: error.to_string(), expected: AUTHORITY };
            roots.add(certificate).map_err(wrong)?;
        }
        Ok(Parts { chain, key, roots })
    }
}

fn certificates(path: &Path, expected: &'static str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let wrong = |why: String| Error::TlsFile { path: path.to_owned(), why, expected };
    let read: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match read {
        Ok(certificates) if certificates.is_empty() => Err(wrong("it holds no certificate".to_owned())),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(wrong(error.to_string())),
    }
}
