//! Asks for each request of the contract in turn, the next one when the last one is answered. It collects two digits on its way:
//! the second one picks the request that takes the call away. A second session of itself answers the message `hello` with `hello-back`.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: which request it has come to, and what it has to remember of those before.
#[derive(Serialize, Deserialize)]
struct EveryRequest {
    turn: u32,
    waits_for: RequestId,
    music: RequestId,
    route: RequestId,
    last: String,
    partner: String,
    called: String,
}

impl EventStrategy for EveryRequest {
    fn manifest() -> Manifest {
        Manifest::new("every-request", "0.1.0")
    }

    fn start(_: &Context) -> Result<Self> {
        let none = String::new;
        Ok(EveryRequest { turn: 0, waits_for: 0, music: 0, route: 0, last: none(), partner: none(), called: none() })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        match &event.body {
            EventBody::Message(message) if message.name == "hello" => {
                host.send(&message.sender, "hello-back", &())?;
                return Ok(Next::Finish);
            }
            EventBody::CollectDone(digits) => self.last = digits.keys.chars().skip(1).collect(),
            EventBody::SessionStarted(partner) => self.partner.clone_from(partner),
            EventBody::CallCreated(call) => self.called.clone_from(&call.id),
            _ => {}
        }
        let is_first = matches!(&event.body, EventBody::InteractionAdded(_));
        if !is_first && !event.answers(self.waits_for) {
            return Ok(Next::Wait);
        }
        let Some(request) = self.ask(host)? else { return Ok(Next::Finish) };
        self.waits_for = request;
        self.turn += 1;
        Ok(Next::Wait)
    }
}

impl EveryRequest {
    /// Asks for what it has come to; none: there is no more. The request whose answer is waited for.
    fn ask(&mut self, host: &Host) -> Result<Option<RequestId>> {
        Ok(Some(match self.turn {
            0 => host.play([
                Prompt::from("welcome"),
                Prompt::text("four words of text", "en-GB"),
                Prompt::Digits("42".to_owned()),
                Prompt::Number(-17),
                Prompt::Tone("beep".to_owned()),
            ]),
            1 => host.collect(Collect::digits(2).prompt("which")),
            2 => {
                self.music = host.music("hold");
                host.record("note", Duration::from_secs(2))
            }
            3 => {
                let request = host.attach_all([Property::new("colour", "blue"), Property::new("size", "1")]);
                host.milestone(&format!("colour {:?}", host.get("colour")));
                request
            }
            4 => {
                let request = host.delete(&["colour", "never there"]);
                host.milestone(&format!("colour {:?}, size {:?}", host.get("colour"), host.get("size")));
                host.log(Level::Info, "deleted");
                request
            }
            5 => host.after(Duration::from_millis(1_500)),
            6 => host.at(host.now() + 1_000),
            7 => {
                let timer = host.after(Duration::from_secs(3_600));
                host.cancel(timer);
                timer
            }
            8 => host.query_group("agents"),
            9 => host.fetch(Fetch::get("https://crm.example.com/")),
            10 => host.start_session("every-request", []),
            11 => host.send(&self.partner, "hello", &())?,
            12 => host.create_call("5550200", "5550001", Duration::from_secs(10)),
            13 => host.on(&self.called).disconnect(),
            14 => {
                self.route = host.route(Route::group("nobody").priority(1));
                host.set_priority(self.route, 5)
            }
            15 => {
                host.cancel(self.route);
                self.route
            }
            16 => {
                host.cancel(self.music);
                self.music
            }
            17 => return self.give_away(host).map(Some),
            _ => return Ok(None),
        }))
    }

    fn give_away(&self, host: &Host) -> Result<RequestId> {
        Ok(match self.last.as_str() {
            "1" => host.route(Route::group("agents").credit(Duration::from_secs(1))),
            "2" => host.route(Target::Agent("ben".to_owned())),
            "3" => host.route(Route::number("5550300").unchecked()),
            "4" => host.route(Target::RoutingPoint("8001".to_owned())),
            "5" => host.default_route(),
            "6" => host.transfer(Target::Number("5550300".to_owned())),
            "7" => host.transfer(Target::Number("5550400".to_owned())),
            "8" => host.disconnect(),
            other => return Err(Error::new(format!("{other:?} is no request"))),
        })
    }
}

tandem_sdk::export_events!(EveryRequest);
