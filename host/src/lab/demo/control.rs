//! Asks the switch's control port, and admin ports. Plain HTTP, one connection a question: questions wait long, and nothing is worth keeping open.

use std::net::SocketAddr;

use serde::de::DeserializeOwned;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::DemoError;
use crate::gateway::{Moment, Status};

/// A port that answers over HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Control(pub SocketAddr);

impl Control {
    /// How the switch stands.
    pub async fn status(&self) -> Result<Status, DemoError> {
        read(&self.ask("GET", "/status", "").await?)
    }

    /// Waits until a primary was acknowledged more often than this.
    pub async fn led(&self, more_than: u64) -> Result<Status, DemoError> {
        read(&self.ask("GET", &format!("/led/{more_than}"), "").await?)
    }

    /// Waits for a moment, and holds time there.
    pub async fn hold(&self, moment: &Moment) -> Result<Status, DemoError> {
        let moment = serde_json::to_string(moment).map_err(|error| DemoError::Control(error.to_string()))?;
        read(&self.ask("POST", "/hold", &moment).await?)
    }

    /// Closes an instance's connection, and lets it in no more until [`Control::admit`].
    pub async fn sever(&self, instance: &str) -> Result<(), DemoError> {
        self.ask("POST", &format!("/sever/{instance}"), "").await.map(|_| ())
    }

    /// Lets it in again.
    pub async fn admit(&self, instance: &str) -> Result<(), DemoError> {
        self.ask("POST", &format!("/admit/{instance}"), "").await.map(|_| ())
    }

    /// The gateway dies, and begins again after so long.
    pub async fn kill_gateway(&self, away_ms: u64) -> Result<(), DemoError> {
        self.ask("POST", &format!("/kill-gateway/{away_ms}"), "").await.map(|_| ())
    }

    /// What is answered there, whatever it is: an instance's admin port is asked alike.
    pub async fn answer<T: DeserializeOwned>(&self, path: &str) -> Result<T, DemoError> {
        read(&self.ask("GET", path, "").await?)
    }

    /// Lets time pass again.
    pub async fn let_go(&self) -> Result<(), DemoError> {
        self.ask("POST", "/let-go", "").await.map(|_| ())
    }

    async fn ask(&self, method: &str, path: &str, json: &str) -> Result<String, DemoError> {
        let failed = |error: std::io::Error| DemoError::Control(format!("{method} {path}: {error}"));
        let mut stream = TcpStream::connect(self.0).await.map_err(failed)?;
        let length = json.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}",
            self.0
        );
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.map_err(failed)?;
        match answer.split_once("\r\n\r\n") {
            Some((head, body)) if head.starts_with("HTTP/1.1 2") => Ok(body.to_owned()),
            _ => Err(DemoError::Control(format!("{method} {path}: {}", answer.lines().next().unwrap_or("no answer")))),
        }
    }
}

fn read<T: DeserializeOwned>(json: &str) -> Result<T, DemoError> {
    serde_json::from_str(json).map_err(|error| DemoError::Control(format!("an answer cannot be read: {error}")))
}
