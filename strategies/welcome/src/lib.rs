//! Announces `welcome`, then routes to one target. The smallest useful strategy; start from it.
//!
//! | parameter | meaning | default |
//! | --- | --- | --- |
//! | `target` | `group:NAME`, `number:NUMBER`, `agent:NAME`; digits alone are a number, other text a group | `agents` |
//! | `wait-s` | how long to wait for it, in seconds; 0: as long as the caller | 120 |
//!
//! A digit cuts the announcement short. A missing announcement is no reason to keep a caller waiting: the call is routed all the
//! same. When the target does not answer, the call takes its default route.

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

/// A session: how far its caller is.
#[derive(Serialize, Deserialize)]
struct Welcome {
    step: Step,
}

/// Each with the request whose answer is next.
#[derive(Serialize, Deserialize)]
enum Step {
    New,
    Announcing(RequestId),
    Routing(RequestId),
    LastResort,
}

impl EventStrategy for Welcome {
    fn manifest() -> Manifest {
        Manifest::new("welcome", env!("CARGO_PKG_VERSION"))
            .parameter("target", "Where to route: group:NAME, number:NUMBER or agent:NAME", "agents")
            .parameter("wait-s", "How long to wait for the target, in seconds; 0: as long as the caller", "120")
    }

    fn start(context: &Context) -> Result<Self> {
        // Read here as well, so that a wrong parameter shows before the call is answered.
        route(context).map(|_| Welcome { step: Step::New })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        if event.ends(&host.id()).is_some() {
            return Ok(Next::Finish);
        }
        if event.says_gone() {
            return Ok(Next::Wait);
        }
        match (&self.step, &event.body) {
            (Step::New, EventBody::InteractionAdded(_)) => self.announce(host),
            // The oldest events are missing, and the call's arrival with them.
            (Step::New, EventBody::SessionRestarted(restart)) if restart.partial => self.announce(host),
            (Step::Announcing(play), _) if event.answers(*play) => {
                self.step = Step::Routing(host.route(route(host.context())?));
            }
            (Step::Routing(route), EventBody::Failed(failure)) if event.answers(*route) => {
                host.log(Level::Warn, format_args!("the target did not answer: {}", failure.message));
                host.default_route();
                self.step = Step::LastResort;
            }
            (_, EventBody::RouteDone(_)) => return Ok(Next::Finish),
            (Step::LastResort, EventBody::Failed(failure)) => return Err(Error::Failed(failure.clone())),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Welcome {
    fn announce(&mut self, host: &Host) {
        self.step = Step::Announcing(host.play("welcome"));
    }
}

/// As the parameters say.
fn route(context: &Context) -> Result<Route> {
    let target: Target = context.parameter("target").unwrap_or_default().parse()?;
    let wait = context.parameter("wait-s").unwrap_or_default().parse();
    let wait = wait.map_err(|_| Error::new("parameter wait-s is not a number of seconds"))?;
    Ok(Route::from(target).timeout(Duration::from_secs(wait)))
}

tandem_sdk::export_events!(Welcome);
