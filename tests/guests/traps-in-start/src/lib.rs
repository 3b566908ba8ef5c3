//! Traps in `start`: the session never begins.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// Never made.
#[derive(Serialize, Deserialize)]
struct TrapsInStart;

impl EventStrategy for TrapsInStart {
    fn manifest() -> Manifest {
        Manifest::new("traps-in-start", "0.1.0")
    }

    fn start(context: &Context) -> Result<Self> {
        panic!("session {} was started", context.session_id);
    }

    fn on_event(&mut self, _: Event, _: &Host) -> Result<Next> {
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(TrapsInStart);
