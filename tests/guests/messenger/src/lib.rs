//! Starts a second session of itself, sends it `ping` with 1, 2, 3 …, and gets `pong` with the same number back, `rounds` times.
//! Then it attaches the last number as `rounds` to its call, routes it to `agents` and tells the partner to `stop`.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: the last number sent or answered.
#[derive(Serialize, Deserialize)]
struct Messenger {
    rounds: u32,
    last: u32,
}

impl EventStrategy for Messenger {
    fn manifest() -> Manifest {
        Manifest::new("messenger", "0.1.0").parameter("rounds", "How many pings", "3").parameter(
            "partner",
            "Strategy to start; it has to understand ping and stop",
            "messenger",
        )
    }

    fn start(context: &Context) -> Result<Self> {
        Ok(Messenger { rounds: context.parameter("rounds").unwrap_or_default().parse()?, last: 0 })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::InteractionAdded(_) => {
                host.music("hold");
                host.start_session(host.parameter("partner").unwrap_or_default(), [Property::new("rounds", "0")]);
            }
            EventBody::SessionStarted(partner) => self.ping(partner, host)?,
            EventBody::Message(message) => match message.name.as_str() {
                "ping" => {
                    self.last = serde_json::from_str(&message.json)?;
                    host.send(&message.sender, "pong", &self.last)?;
                }
                "pong" if serde_json::from_str::<u32>(&message.json)? != self.last => {
                    return Err(Error::new(format!("pong {} after ping {}", message.json, self.last)));
                }
                "pong" if self.last < self.rounds => self.ping(&message.sender, host)?,
                "pong" => {
                    host.attach("rounds", self.last.to_string());
                    host.send(&message.sender, "stop", &())?;
                    host.route(Route::group("agents"));
                }
                _ => return Ok(Next::Finish),
            },
            EventBody::Failed(failure) => return Err(Error::Failed(failure.clone())),
            EventBody::RouteDone(_) | EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Messenger {
    fn ping(&mut self, partner: &str, host: &Host) -> Result<()> {
        self.last += 1;
        host.send(partner, "ping", &self.last)?;
        Ok(())
    }
}

tandem_sdk::export_events!(Messenger);
