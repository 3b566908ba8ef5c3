//! Requests that wait for their answers.

use serde::{Deserialize, Serialize};
use tandem_words::{Failure, RequestBody, Timestamp};

/// A request that waits for its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenRequest {
    /// What was asked for.
    pub body: RequestBody,
    /// The step that asked.
    pub seq: u32,
    /// Session time of that step: timers count from here.
    pub armed_at: Timestamp,
    /// Why the host answers it itself, where it does.
    pub refused: Option<Failure>,
    /// Whether the session has asked to stop it.
    pub cancelled: bool,
}

impl OpenRequest {
    /// Whether the switch serves it.
    pub fn is_for_switch(&self) -> bool {
        let by_host = matches!(
            self.body,
            RequestBody::After { .. }
                | RequestBody::At { .. }
                | RequestBody::Fetch(_)
                | RequestBody::Cancel
                | RequestBody::Send { .. }
                | RequestBody::StartSession(_)
        );
        self.refused.is_none() && !by_host
    }

    /// Whether switch or another session will answer it.
    pub fn is_owed(&self) -> bool {
        self.is_for_switch() || (self.refused.is_none() && matches!(self.body, RequestBody::Send { .. } | RequestBody::StartSession(_)))
    }

    /// When a timer is due; none for other requests.
    pub fn due(&self) -> Option<Timestamp> {
        match self.body {
            RequestBody::After { delay_ms } => Some(self.armed_at.saturating_add(delay_ms.into())),
            RequestBody::At { time } => Some(time),
            _ => None,
        }
    }
}
