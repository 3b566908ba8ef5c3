//! Breaks the rule that state belongs in the session: a counter that all sessions of an instance share goes into a request. So a
//! replay asks for something else, and so does a session that moved to another instance.

use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

static EVENTS_OF_ALL_SESSIONS: AtomicU32 = AtomicU32::new(0);

/// A session: nothing, the state is in the wrong place.
#[derive(Serialize, Deserialize)]
struct Differs;

impl EventStrategy for Differs {
    fn manifest() -> Manifest {
        Manifest::new("differs", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Differs)
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        let count = EVENTS_OF_ALL_SESSIONS.fetch_add(1, Ordering::Relaxed);
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.music("hold");
            }
            EventBody::Digit(_) => {
                host.attach("count", count.to_string());
            }
            EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(Differs);
