//! Never comes back from `start`, or allocates there until somebody stops it, as its parameter `how` says: `loops`, `eats-memory`.
//!
//! With another value it behaves: it plays `menu` when a call comes, and `thanks` on a digit.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how many digits it has seen.
#[derive(Serialize, Deserialize)]
struct BreaksInStart {
    digits: u32,
}

impl EventStrategy for BreaksInStart {
    fn manifest() -> Manifest {
        Manifest::new("breaks-in-start", "0.1.0").parameter("how", "What start does: loops, eats-memory or nothing", "nothing")
    }

    fn start(context: &Context) -> Result<Self> {
        let mut digits = 0u32;
        let mut eaten = Vec::new();
        match context.parameter("how").unwrap_or_default() {
            // Work that no optimizer removes.
            "loops" => loop {
                digits = std::hint::black_box(digits).wrapping_add(1);
            },
            "eats-memory" => loop {
                eaten.push(std::hint::black_box(vec![1u8; 1 << 20]));
            },
            _ => Ok(BreaksInStart { digits: 0 }),
        }
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.play("menu");
            }
            EventBody::Digit(_) => {
                self.digits += 1;
                host.play("thanks");
            }
            EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

tandem_sdk::export_events!(BreaksInStart);
