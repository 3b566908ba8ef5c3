//! What an instance tells over HTTP: the admin port (health, readiness, status). It reads through the instance's handle.

use std::{io, net::SocketAddr};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use tokio::{net::TcpListener, sync::watch};

use crate::node::{Instance, Status};

/// The admin port cannot be opened or served.
#[derive(Debug, thiserror::Error)]
#[error("the admin port {address} cannot be opened: {cause}; is another instance running, or is `admin` in [[node]] right?")]
pub struct AdminError {
    address: String,
    cause: io::Error,
}

/// Serves the admin port.
pub struct Admin {
    listener: TcpListener,
}

impl Admin {
    /// Opens the port. Before the lease is taken: an instance that cannot be watched must not become primary.
    pub async fn bind(host: &str, port: u16) -> Result<Self, AdminError> {
        let error = |cause| AdminError { address: format!("{host}:{port}"), cause };
        let listener = TcpListener::bind((host, port)).await.map_err(error)?;
        Ok(Admin { listener })
    }

    /// Where it listens.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `shutdown` says so.
    pub async fn run(self, instance: Instance, mut shutdown: watch::Receiver<bool>) {
        let routes = Router::new()
            .route("/health", get(|| async { "alive\n" }))
            .route("/ready", get(ready))
            .route("/status", get(status))
            .with_state(instance);
        let ended = async move {
            let _ = shutdown.changed().await;
        };
        if let Err(error) = axum::serve(self.listener, routes).with_graceful_shutdown(ended).await {
            tracing::error!("the admin port failed: {error}");
        }
    }
}

/// The handle waits for answers of threads, so it is asked beside the runtime's own.
async fn asked(instance: Instance, ask: fn(&Instance) -> Option<Status>) -> Option<Status> {
    tokio::task::spawn_blocking(move || ask(&instance)).await.ok().flatten()
}

async fn ready(State(instance): State<Instance>) -> (StatusCode, String) {
    match asked(instance, Instance::standing).await {
        Some(status) if status.serves() => (StatusCode::OK, "serving\n".to_owned()),
        Some(status) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", status.standing())),
        None => (StatusCode::SERVICE_UNAVAILABLE, "ended\n".to_owned()),
    }
}

async fn status(State(instance): State<Instance>) -> Result<Json<Status>, StatusCode> {
    asked(instance, Instance::status).await.map(Json).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}
