//! The admin port: health, readiness, status, metrics, switchover. It asks through the instance's handle.

mod metrics;

use std::{io, net::SocketAddr};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::watch};

use crate::node::{Running, Status};

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
    /// Opens the port. Before the lease is wanted: an instance that cannot be watched must not become primary.
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
    pub async fn run(self, instance: Running, mut shutdown: watch::Receiver<bool>) {
        let routes = Router::new()
            .route("/healthz", get(|| async { "alive\n" }))
            .route("/readyz", get(ready))
            .route("/status", get(status))
            .route("/metrics", get(measured))
            .route("/switchover", post(switchover))
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
async fn asked(instance: Running, ask: fn(&Running) -> Option<Status>) -> Option<Status> {
    tokio::task::spawn_blocking(move || ask(&instance)).await.ok().flatten()
}

async fn ready(State(instance): State<Running>) -> (StatusCode, String) {
    match asked(instance, Running::standing).await {
        Some(status) if status.is_ready() => (StatusCode::OK, format!("{}\n", status.standing())),
        Some(status) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", status.standing())),
        None => (StatusCode::SERVICE_UNAVAILABLE, "ended\n".to_owned()),
    }
}

async fn status(State(instance): State<Running>) -> Result<Json<Status>, StatusCode> {
    asked(instance, Running::status).await.map(Json).ok_or(StatusCode::SERVICE_UNAVAILABLE)
}

async fn measured(State(instance): State<Running>) -> Result<impl IntoResponse, StatusCode> {
    let status = asked(instance, Running::status).await.ok_or(StatusCode::SERVICE_UNAVAILABLE)?;
    Ok(([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::text(&status)))
}

/// What may be asked with it; nothing: as it stands here.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Switchover {
    /// Hand over to an instance that is not ready, too.
    pub force: bool,
}

/// Answers with the heir's name when the switchover has begun; 409 with the reason where it does not.
async fn switchover(State(instance): State<Running>, body: String) -> (StatusCode, String) {
    let wanted = if body.is_empty() { Ok(Switchover::default()) } else { serde_json::from_str(&body) };
    let force = match wanted {
        Ok(Switchover { force }) => force,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}; send nothing, or {{\"force\": true}}\n")),
    };
    let asked = tokio::task::spawn_blocking(move || instance.hand_over(force)).await;
    match asked.unwrap_or_else(|_| Err("the instance is ending".to_owned())) {
        Ok(heir) => (StatusCode::OK, format!("{heir}\n")),
        Err(why) => (StatusCode::CONFLICT, format!("{why}\n")),
    }
}
