//! The control port: HTTP for who drives a run (the demo, a person with `curl`).

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    routing::{get, post},
};
use tokio::net::TcpListener;

use super::{Error, Handle, Moment, Status, Stopped};

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, handle: Handle) -> Result<(), Error> {
    let router = Router::new()
        .route("/status", get(status))
        .route("/led/{more_than}", get(led))
        .route("/stop-arrivals", post(stop_arrivals))
        .route("/hold", post(hold))
        .route("/let-go", post(let_go))
        .route("/sever/{node}/{letter}", post(sever))
        .route("/admit/{node}/{letter}", post(admit))
        .route("/kill-gateway/{away_ms}", post(kill_gateway))
        .with_state(handle);
    axum::serve(listener, router).await.map_err(Error::Control)
}

async fn status(State(handle): State<Handle>) -> Result<Json<Status>, StatusCode> {
    told(handle.status().await)
}

async fn led(State(handle): State<Handle>, Path(more_than): Path<u64>) -> Result<Json<Status>, StatusCode> {
    told(handle.led(more_than).await)
}

async fn hold(State(handle): State<Handle>, Json(moment): Json<Moment>) -> Result<Json<Status>, StatusCode> {
    told(handle.hold(moment).await)
}

async fn stop_arrivals(State(handle): State<Handle>) -> StatusCode {
    done(handle.stop_arrivals().await)
}

async fn let_go(State(handle): State<Handle>) -> StatusCode {
    done(handle.let_go().await)
}

async fn sever(State(handle): State<Handle>, Path((node, letter)): Path<(String, String)>) -> StatusCode {
    match format!("{node}/{letter}").parse() {
        Ok(instance) => done(handle.sever(instance).await),
        Err(_) => StatusCode::NOT_FOUND,
    }
}

async fn admit(State(handle): State<Handle>, Path((node, letter)): Path<(String, String)>) -> StatusCode {
    match format!("{node}/{letter}").parse() {
        Ok(instance) => done(handle.admit(instance).await),
        Err(_) => StatusCode::NOT_FOUND,
    }
}

async fn kill_gateway(State(handle): State<Handle>, Path(away_ms): Path<u64>) -> StatusCode {
    done(handle.kill_gateway(Duration::from_millis(away_ms)).await)
}

fn told(answer: Result<Status, Stopped>) -> Result<Json<Status>, StatusCode> {
    answer.map(Json).map_err(|Stopped| StatusCode::SERVICE_UNAVAILABLE)
}

fn done(answer: Result<(), Stopped>) -> StatusCode {
    answer.map_or(StatusCode::SERVICE_UNAVAILABLE, |()| StatusCode::NO_CONTENT)
}
