//! The strategies of the simulation (`tests/simulation/scripts`) as a component: it gives each event to the script that its parameter
//! names, and what the script asks for to the host.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;
use tandem_simulation_scripts::{self as scripts, Act, Ask, Memory, WITHOUT_SNAPSHOTS, What};

/// A session.
#[derive(Serialize, Deserialize)]
struct Simulated {
    script: String,
    memory: Memory,
    /// Not empty: JSON cannot hold it, so there is no snapshot.
    unsaved: BTreeMap<(u8, u8), u8>,
}

/// Nothing, as JSON has it.
#[derive(Serialize)]
struct Nothing {}

struct Asked<'a>(&'a Host);

impl EventStrategy for Simulated {
    fn manifest() -> Manifest {
        Manifest::new("simulated", "0.1.0").required("script", "Which of the simulation's strategies it is")
    }

    fn start(context: &Context) -> Result<Self> {
        let script = context.parameter("script").unwrap_or_default().to_owned();
        let unsaved = (script == WITHOUT_SNAPSHOTS).then_some(((0, 0), 0)).into_iter().collect();
        Ok(Simulated { script, memory: scripts::start(&context.session_id), unsaved })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        let what = match &event.body {
            EventBody::InteractionAdded(added) => What::Added(&added.id),
            EventBody::InteractionDeleted(_) => What::Deleted,
            EventBody::InteractionDefaultRouted(_) => What::DefaultRouted,
            EventBody::PlayDone(_) => What::PlayDone,
            EventBody::CollectDone(digits) => What::Collected(&digits.keys),
            EventBody::RouteDone(_) => What::RouteDone,
            EventBody::TimerFired => What::TimerFired,
            EventBody::SessionStarted(session) => What::SessionStarted(session),
            EventBody::Message(message) => What::MessageFrom(&message.sender),
            EventBody::Failed(_) => What::Failed,
            EventBody::Gap(_) => What::Gap,
            EventBody::SessionRecovered => What::Recovered,
            EventBody::SessionRestarted(restart) => What::Restarted(restart.interaction.as_deref(), restart.partial),
            _ => What::Other,
        };
        let event = scripts::Event { seq: event.seq, seed: event.seed, what };
        match scripts::on_event(&self.script, &mut self.memory, &event, &mut Asked(host)) {
            Act::Wait => Ok(Next::Wait),
            Act::Checkpoint => Ok(Next::Checkpoint),
            Act::Finish => Ok(Next::Finish),
            Act::Fail(why) => Err(Error::new(why)),
            // A panic would say so in the log, which native guests do not.
            Act::Trap => std::process::abort(),
        }
    }
}

impl Ask for Asked<'_> {
    fn play(&mut self, call: &str, sound: &str) {
        self.0.on(call).play(sound);
    }

    fn music(&mut self, call: &str) {
        self.0.on(call).music("default");
    }

    fn collect(&mut self, call: &str, max_digits: u8) {
        self.0.on(call).collect(Collect::up_to(max_digits));
    }

    fn route_to_group(&mut self, call: &str, group: &str) {
        self.0.on(call).route(Route::group(group));
    }

    fn route_to_point(&mut self, call: &str, number: &str) {
        self.0.on(call).route(Route::from(Target::RoutingPoint(number.to_owned())).timeout(Duration::from_secs(20)));
    }

    fn disconnect(&mut self, call: &str) {
        self.0.on(call).disconnect();
    }

    fn attach(&mut self, call: &str, key: &str, value: &str) {
        self.0.on(call).attach(key, value);
    }

    fn user_data(&self, call: &str, key: &str) -> Option<String> {
        self.0.on(call).get(key)
    }

    fn after(&mut self, delay_ms: u32) -> u32 {
        self.0.after(Duration::from_millis(u64::from(delay_ms)))
    }

    fn cancel(&mut self, request: u32) {
        self.0.cancel(request);
    }

    fn send(&mut self, session: &str, name: &str) {
        // An empty struct can be written.
        let _ = self.0.send(session, name, &Nothing {});
    }

    fn start_session(&mut self, strategy: &str) {
        self.0.start_session(strategy, []);
    }

    fn query_group(&mut self, group: &str) {
        self.0.query_group(group);
    }
}

tandem_sdk::export_events!(Simulated);
