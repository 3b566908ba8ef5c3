//! TLS of the switch link, for gateways that are not on this machine.

use std::{
    io,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// What can be wrong with it.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TlsError {
    #[error("a wss:// gateway needs `ca` in [switch.NAME]: the file (PEM) with the certificate that signed the gateway's")]
    NoAuthority,
    #[error("the certificate file {path} cannot be read: {cause}")]
    Authority { path: PathBuf, cause: String },
    #[error("{host:?} is not a name or address that a certificate can have")]
    Name { host: String },
    #[error("TLS with {host} failed: {cause}; does the certificate name this host, is it in date, and did `ca` sign it?")]
    Handshake { host: String, cause: io::Error },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// A connection with TLS or, on loopback, without.
pub enum Stream {
    /// Loopback.
    Plain(TcpStream),
    /// Everywhere else.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Puts TLS around a connection.
pub async fn wrap(tcp: TcpStream, host: &str, ca: Option<&Path>) -> Result<Stream, TlsError> {
    let path = ca.ok_or(TlsError::NoAuthority)?;
    let unreadable = |cause: String| TlsError::Authority { path: path.into(), cause };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(error.to_string()))? {
        roots.add(certificate.map_err(|error| unreadable(error.to_string()))?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(|_| TlsError::Name { host: host.to_owned() })?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    let stream = handshake.map_err(|cause| TlsError::Handshake { host: host.to_owned(), cause })?;
    Ok(Stream::Tls(Box::new(stream)))
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, data: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, data),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, data),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
