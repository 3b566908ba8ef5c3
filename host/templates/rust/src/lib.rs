//! {{name}}: greets the caller, asks for one digit, and routes to the group behind it. `0`, and a caller who chooses nothing, is a person.
//!
//! An event comes in; `on_event` changes the session and asks for things; then it waits for the next event. Every such step is
//! durable before the caller notices it: whatever dies in between, the session goes on here.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// How often the menu is played.
const TRIES: u32 = 3;

/// All that is kept of a session: what stands here survives, nothing else does.
#[derive(Serialize, Deserialize)]
struct Session {
    /// From the deployment's parameter `person`.
    person: Target,
    tries: u32,
    step: Step,
}

/// Where the caller is, with the request whose answer comes next.
#[derive(Serialize, Deserialize)]
enum Step {
    New,
    Greeting(RequestId),
    Menu(RequestId),
    Routing(RequestId),
}

impl EventStrategy for Session {
    fn manifest() -> Manifest {
        Manifest::new("{{name}}", env!("CARGO_PKG_VERSION")).parameter(
            "person",
            "Who answers when the caller chooses nothing",
            "agents",
        )
    }

    fn start(context: &Context) -> Result<Self> {
        let person = context.parameter("person").unwrap_or_default().parse()?;
        Ok(Session {
            person,
            tries: 0,
            step: Step::New,
        })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        if event.ends(&host.id()).is_some() {
            return Ok(Next::Finish);
        }
        match (&self.step, &event.body) {
            (Step::New, EventBody::InteractionAdded(_)) => {
                self.step = Step::Greeting(host.play("welcome"))
            }
            (Step::Greeting(play), _) if event.answers(*play) => self.ask(host),
            (Step::Menu(collect), body) if event.answers(*collect) => self.answered(body, host)?,
            (Step::Routing(_), EventBody::RouteDone(_)) => return Ok(Next::Finish),
            // The caller hung up meanwhile; the event that says so comes next.
            (Step::Routing(_), _) if event.says_gone() => {}
            // Nobody answered: the routing point's default route is always there.
            (Step::Routing(route), EventBody::Failed(_)) if event.answers(*route) => {
                host.default_route();
            }
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Session {
    fn ask(&mut self, host: &Host) {
        self.tries += 1;
        let collect = Collect::digits(1)
            .prompt("menu")
            .first_digit_timeout(Duration::from_secs(5));
        self.step = Step::Menu(host.collect(collect));
    }

    fn answered(&mut self, body: &EventBody, host: &Host) -> Result<()> {
        let digit = match body {
            EventBody::CollectDone(digits) => digits.keys.chars().next(),
            _ => None,
        };
        match digit {
            Some('1') => self.route("group:sales".parse()?, host),
            Some('2') => self.route("group:support".parse()?, host),
            Some('0') => self.route(self.person.clone(), host),
            _ if self.tries < TRIES => self.ask(host),
            _ => self.route(self.person.clone(), host),
        }
        Ok(())
    }

    fn route(&mut self, target: Target, host: &Host) {
        self.step =
            Step::Routing(host.route(Route::from(target).timeout(Duration::from_secs(120))));
        host.music("hold");
    }
}

tandem_sdk::export_events!(Session);
