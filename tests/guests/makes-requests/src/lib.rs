//! Makes a million requests on the digit 9.
//!
//! Until then it behaves: it plays `menu` when a call comes, and `thanks` on any other digit.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how many digits it has seen.
#[derive(Serialize, Deserialize)]
struct MakesRequests {
    digits: u32,
}

impl EventStrategy for MakesRequests {
    fn manifest() -> Manifest {
        Manifest::new("makes-requests", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(MakesRequests { digits: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
            }
            EventBody::Digit(digit) => {
                self.digits += 1;
                if digit.key == "9" {
                    for number in 0..1_000_000 {
                        host.attach("number", number.to_string());
                    }
                }
                host.play("thanks");
            }
            EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(MakesRequests);
