//! Starts timers for 1, 2 and 3 s and for a moment in 4 s, cancels the second, and attaches what came: `fired` is `1,2c,3,4` in the
//! end. Reads local time: `berlin` is the hour there when the call came, `nowhere` what the host says of a zone that does not exist.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: its timers, and what came of them.
#[derive(Serialize, Deserialize)]
struct Timers {
    timers: Vec<RequestId>,
    fired: Vec<String>,
}

impl EventStrategy for Timers {
    fn manifest() -> Manifest {
        Manifest::new("timers", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Timers { timers: Vec::new(), fired: Vec::new() })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        if let EventBody::InteractionAdded(_) = event.body {
            let berlin = host.local_time("Europe/Berlin")?;
            let nowhere = host.local_time("Europe/Nowhere").map_or_else(|error| error.to_string(), |_| "found".to_owned());
            host.attach_all([Property::new("berlin", berlin.hour.to_string()), Property::new("nowhere", nowhere)]);
            host.music("hold");
            self.timers.extend([1, 2, 3].map(|s| host.after(Duration::from_secs(s))));
            self.timers.push(host.at(host.now() + 4000));
            if let Some(second) = self.timers.get(1) {
                host.cancel(*second);
            }
        }
        if let Some(number) = self.timers.iter().position(|timer| event.answers(*timer)) {
            let cancelled = if event.body == EventBody::TimerFired { "" } else { "c" };
            self.fired.push(format!("{}{cancelled}", number + 1));
            self.fired.sort();
            host.attach("fired", self.fired.join(","));
            if self.fired.len() == self.timers.len() {
                host.disconnect();
            }
        }
        Ok(if event.ends(&host.id()).is_some() { Next::Finish } else { Next::Wait })
    }
}

tandem_sdk::export_events!(Timers);
