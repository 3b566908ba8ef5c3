//! What a strategy says of itself, and what a session is told at its start.

use serde::{Deserialize, Serialize};

use crate::{Incarnation, Media, Property, SessionId, Timestamp};

/// A parameter that a deployment may set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Parameter {
    pub name: String,
    pub description: String,
    /// None: the deployment must give it.
    pub default: Option<String>,
}

/// Whether sessions share an instance of the component (a cell).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Isolation {
    Shared,
    OwnInstance,
}

/// What becomes of running sessions when their strategy is swapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum OnSwap {
    Finish,
    Migrate,
    Restart,
}

/// What `describe` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Manifest {
    pub name: String,
    pub version: String,
    pub media: Vec<Media>,
    pub persist: bool,
    pub send_session_recovered: bool,
    pub restart_on_switchover: Option<bool>,
    pub state_version: u32,
    pub on_swap: OnSwap,
    pub isolation: Isolation,
    pub parameters: Vec<Parameter>,
    pub http_origins: Vec<String>,
}

/// What started a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Origin {
    Interaction,
    Api,
    Session,
}

/// What a session is told at its start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct Context {
    pub session_id: SessionId,
    pub incarnation: Incarnation,
    pub origin: Origin,
    pub started_at: Timestamp,
    pub parameters: Vec<Property>,
}
