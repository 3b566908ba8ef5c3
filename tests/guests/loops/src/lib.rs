//! Never comes back from the digit 9.
//!
//! Until then it behaves: it plays `menu` when a call comes, and `thanks` on any other digit.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how many digits it has seen.
#[derive(Serialize, Deserialize)]
struct Loops {
    digits: u32,
}

impl EventStrategy for Loops {
    fn manifest() -> Manifest {
        Manifest::new("loops", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Loops { digits: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
            }
            EventBody::Digit(digit) => {
                self.digits += 1;
                if digit.key == "9" {
                    loop {
                        // Work that no optimizer removes.
                        self.digits = std::hint::black_box(self.digits).wrapping_add(1);
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

tandem_sdk::export_events!(Loops);
