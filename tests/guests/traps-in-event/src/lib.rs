//! Traps while it handles the digit 9, after it has asked for something.
//!
//! Until then it behaves: it plays `menu` when a call comes, and `thanks` on any other digit.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how many digits it has seen.
#[derive(Serialize, Deserialize)]
struct TrapsInEvent {
    digits: u32,
}

impl EventStrategy for TrapsInEvent {
    fn manifest() -> Manifest {
        Manifest::new("traps-in-event", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(TrapsInEvent { digits: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
            }
            EventBody::Digit(digit) => {
                self.digits += 1;
                if digit.key == "9" {
                    host.play("never-heard");
                    panic!("digit 9 was pressed");
                }
                host.play("thanks");
            }
            EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(TrapsInEvent);
