//! Allocates on the digit 9 until somebody stops it.
//!
//! Until then it behaves: it plays `menu` when a call comes, and `thanks` on any other digit.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how many digits it has seen.
#[derive(Serialize, Deserialize)]
struct EatsMemory {
    digits: u32,
}

impl EventStrategy for EatsMemory {
    fn manifest() -> Manifest {
        Manifest::new("eats-memory", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(EatsMemory { digits: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
            }
            EventBody::Digit(digit) => {
                self.digits += 1;
                if digit.key == "9" {
                    let mut eaten = Vec::new();
                    loop {
                        eaten.push(std::hint::black_box(vec![1u8; 1 << 20]));
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

tandem_sdk::export_events!(EatsMemory);
