//! The scripts as native guests.

use tandem_native_guests::{Act, Ask, Memory, NativeGuests, Script};
use tandem_simulation_scripts::{self as scripts, SCRIPTS, WITHOUT_SNAPSHOTS, What};
use tandem_words::{EventBody, InteractionId, RequestBody, Route, Target};

use super::{VERSIONS, asks_for_recovered, may_start_again};

/// `sessions_per_instance`: how many share a cell.
pub(super) fn guests(sessions_per_instance: usize) -> NativeGuests {
    let mut guests = NativeGuests::new().sessions_per_instance(sessions_per_instance);
    for ((name, _), version) in SCRIPTS.into_iter().zip(VERSIONS) {
        let script = Script::new(name, move |memory, event, ask| {
            let told = scripts::Event { seq: event.seq, seed: event.seed, what: what(&event.body) };
            match scripts::on_event(name, memory.values(), &told, &mut Asked(ask)) {
                scripts::Act::Wait => Act::Wait,
                scripts::Act::Checkpoint => Act::Checkpoint,
                scripts::Act::Finish => Act::Finish,
                scripts::Act::Fail(why) => Act::Error(why.to_owned()),
                scripts::Act::Trap => Act::trap(),
            }
        });
        let script = script.on_start(|context, memory| {
            *memory.values() = scripts::start(&context.session_id.to_string());
            Act::Wait
        });
        let script = script.manifest(|manifest| {
            manifest.send_session_recovered = asks_for_recovered(version);
            manifest.restart_on_switchover = may_start_again(version);
        });
        guests = guests.with(version, if name == WITHOUT_SNAPSHOTS { script.without_snapshots() } else { script });
    }
    guests
}

/// What stands in a snapshot.
pub(super) fn remembered(snapshot: &[u8]) -> Option<String> {
    serde_json::to_string(&Memory::from_snapshot(snapshot)?).ok()
}

fn what(body: &EventBody) -> What<'_> {
    match body {
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
    }
}

/// What a script asks for.
struct Asked<'a>(&'a mut Ask);

impl scripts::Ask for Asked<'_> {
    fn play(&mut self, call: &str, sound: &str) {
        self.0.play(&call.into(), sound);
    }

    fn music(&mut self, call: &str) {
        self.0.music(&call.into());
    }

    fn collect(&mut self, call: &str, max_digits: u8) {
        self.0.collect(&call.into(), max_digits);
    }

    fn route_to_group(&mut self, call: &str, group: &str) {
        self.0.route(&call.into(), group);
    }

    fn route_to_point(&mut self, call: &str, number: &str) {
        self.0.request(RequestBody::Route(Route {
            interaction: call.into(),
            targets: vec![Target::RoutingPoint(number.to_owned())],
            priority: 0,
            credit_ms: 0,
            timeout_ms: 20_000,
            ring_timeout_ms: 0,
            unchecked: false,
        }));
    }

    fn disconnect(&mut self, call: &str) {
        self.0.disconnect(&call.into());
    }

    fn attach(&mut self, call: &str, key: &str, value: &str) {
        self.0.attach(&call.into(), key, value);
    }

    fn user_data(&self, call: &str, key: &str) -> Option<String> {
        self.0.user_data(&InteractionId::from(call), key)
    }

    fn after(&mut self, delay_ms: u32) -> u32 {
        self.0.after(delay_ms)
    }

    fn cancel(&mut self, request: u32) {
        self.0.cancel(request);
    }

    fn send(&mut self, session: &str, name: &str) {
        self.0.send(session, name);
    }

    fn start_session(&mut self, strategy: &str) {
        self.0.start_session(strategy);
    }

    fn query_group(&mut self, group: &str) {
        self.0.request(RequestBody::QueryGroup { group: group.to_owned() });
    }
}
