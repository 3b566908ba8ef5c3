//! What `tandem bench` measures: every `user-data-changed` and `custom` event carries some hundred bytes of JSON, which is parsed,
//! and answered by exactly one request, an `attach`. Everything else is ignored. The state is small.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tandem_sdk::prelude::*;

/// A session: what it has seen so far.
#[derive(Serialize, Deserialize)]
struct Bench {
    events: u64,
    leaves: u64,
}

impl EventStrategy for Bench {
    fn manifest() -> Manifest {
        Manifest::new("bench", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Bench { events: 0, leaves: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        let json = match &event.body {
            EventBody::UserDataChanged(change) => change.changed.first().map(|property| property.value.as_str()),
            EventBody::Custom(custom) => Some(custom.json.as_str()),
            EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => None,
        };
        if let Some(json) = json {
            self.events += 1;
            self.leaves += leaves(&serde_json::from_str(json)?);
            host.attach("leaves", self.leaves.to_string());
        }
        Ok(Next::Wait)
    }
}

/// Texts, numbers and the like in a JSON value: so that nobody can leave the parsing out.
fn leaves(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items.iter().map(leaves).sum(),
        Value::Object(members) => members.values().map(leaves).sum(),
        _ => 1,
    }
}

tandem_sdk::export_events!(Bench);
