//! Finishes on the first digit without having routed its call, which still hears `menu` and then music.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: nothing.
#[derive(Serialize, Deserialize)]
struct Finishes;

impl EventStrategy for Finishes {
    fn manifest() -> Manifest {
        Manifest::new("finishes", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Finishes)
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
                host.music("hold");
            }
            EventBody::Digit(_) | EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(Finishes);
