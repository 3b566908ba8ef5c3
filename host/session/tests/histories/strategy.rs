//! A strategy that does a bit of everything, as its digits say.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use tandem_native_guests::{Act, NativeGuests, Script};
use tandem_words::{EventBody, InteractionId, SessionId, VersionId};

pub const VERSION: VersionId = VersionId([7; 32]);
pub const MORTAL: VersionId = VersionId([8; 32]);

pub fn guests() -> NativeGuests {
    let asks = script().manifest(|manifest| manifest.send_session_recovered = true).without_snapshots();
    NativeGuests::new().with(VERSION, script()).with(MORTAL, asks).sessions_per_instance(3)
}

fn script() -> Script {
    let died = Arc::new(Mutex::new(BTreeSet::new()));
    Script::new("native", move |memory, event, ask| {
        if matches!(event.body, EventBody::Custom(_)) {
            // Only to be brought back and looked at.
            return Act::Wait;
        }
        memory.push("seen", &format!("{}:{}", event.seq, event.body.name()));
        let call: InteractionId = memory.get("call").into();
        match &event.body {
            EventBody::InteractionAdded(added) => {
                memory.set("call", &added.id);
                ask.play(&added.id, "welcome");
                ask.after(u32::try_from(300 + event.seed % 1_000).unwrap_or(300));
                ask.attach(&added.id, "seed", &event.seed.to_string());
                if event.seed.is_multiple_of(4) {
                    ask.music(&added.id);
                }
            }
            EventBody::TimerFired if memory.count("fired") < 3 => {
                ask.play(&call, "still here");
                let timer = ask.after(700);
                memory.set("timer", timer);
            }
            EventBody::TimerFired | EventBody::Message(_) if event.seed.is_multiple_of(2) => return Act::Finish,
            EventBody::Digit(digit) => {
                memory.push("digits", &digit.key);
                match digit.key.as_str() {
                    "c" => return Act::Checkpoint,
                    "d" => _ = ask.disconnect(&call),
                    "e" => return Act::Error("no".to_owned()),
                    "f" => return Act::Finish,
                    "g" => {
                        ask.play(&call, "goodbye");
                        ask.send(&own_node(event.seed), "goodbye");
                        return Act::Finish;
                    }
                    "m" => _ = ask.send(&own_node(event.seed), &format!("from {}", event.seq)),
                    "n" => _ = ask.start_session("native"),
                    "p" => {
                        let seed = ask.user_data(&call, "seed").unwrap_or_default();
                        ask.play(&call, &seed);
                    }
                    "r" => _ = ask.route(&call, "sales"),
                    "s" => (0..3).for_each(|_| _ = ask.play(&call, "three")),
                    // Only the first try: the step that is tried again must give what it would have given.
                    "t" if !ask.is_replay() && died.lock().unwrap().insert((call.clone(), event.seq)) => return Act::trap(),
                    "T" if !ask.is_replay() => return Act::trap(),
                    "x" => ask.cancel(u32::try_from(memory.number("timer")).unwrap_or(0)),
                    _ => {}
                }
            }
            EventBody::Message(_) if event.seed.is_multiple_of(3) => _ = ask.after(200),
            EventBody::RouteDone(_) => return Act::Finish,
            _ => {}
        }
        Act::Wait
    })
}

/// Some session of the node, which may be there or not.
fn own_node(seed: u64) -> String {
    SessionId { node: 101, epoch: 1, number: 1 + seed % 6 }.to_string()
}
