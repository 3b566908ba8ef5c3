//! TLS off loopback.

use std::{path::Path, sync::Arc};

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::TlsAcceptor;

use super::{Error, TlsFiles};

/// Reads the files.
pub(super) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, Error> {
    let error = |path: &Path, why: String, expected| Error::Tls { path: path.to_owned(), why, expected };
    let certificate = |why| error(&files.certificate, why, "the certificate chain, the server's own certificate first");
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect).map_err(|source| certificate(source.to_string()))?;
    if chain.is_empty() {
        return Err(certificate("it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| error(&files.key, source.to_string(), "the private key"))?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|source| error(&files.key, source.to_string(), "the private key of that certificate"))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
