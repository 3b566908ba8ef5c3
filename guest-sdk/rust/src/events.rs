//! Event style: a struct that is the session's state, and a function that is told every event.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tandem_sdk::prelude::*;
//!
//! #[derive(Serialize, Deserialize)]
//! struct Greeter {
//!     asked: u32,
//! }
//!
//! impl EventStrategy for Greeter {
//!     fn manifest() -> Manifest {
//!         Manifest::new("greeter", "0.1.0").parameter("group", "Who answers", "agents")
//!     }
//!
//!     fn start(_: &Context) -> Result<Self> {
//!         Ok(Greeter { asked: 0 })
//!     }
//!
//!     fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
//!         match event.body {
//!             EventBody::InteractionAdded(_) => {
//!                 self.asked = host.collect(Collect::digits(1).prompt("press-a-key"));
//!             }
//!             EventBody::CollectDone(digits) if digits.keys == "0" => {
//!                 host.route(Route::group(host.parameter("group").unwrap_or("agents")).priority(1));
//!             }
//!             EventBody::CollectDone(_) => {
//!                 host.disconnect();
//!             }
//!             EventBody::Failed(failure) => return Err(Error::Failed(failure)),
//!             EventBody::RouteDone(_) | EventBody::InteractionDeleted(_) => return Ok(Next::Finish),
//!             _ => {}
//!         }
//!         Ok(Next::Wait)
//!     }
//! }
//!
//! tandem_sdk::export_events!(Greeter);
//! # fn main() {}
//! ```

use std::cell::RefCell;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Context, Error, Event, Host, Manifest, Next, Result, component, saved};

/// A strategy in event style. The struct is the state: it is saved and restored as JSON.
pub trait EventStrategy: Serialize + DeserializeOwned + 'static {
    /// What the strategy says of itself. Always the same.
    fn manifest() -> Manifest;

    /// A new session. No requests here: they belong in [`on_event`](Self::on_event).
    fn start(context: &Context) -> Result<Self>;

    /// Handles one event. An error undoes the step's requests, sends the call to its default route and ends the session.
    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next>;

    /// Reads a state saved under an older `state_version`; refuses it unless you write this.
    fn migrate(state_version: u32, state: &[u8]) -> Result<Self> {
        let _ = state;
        Err(Error::new(format!("a state of version {state_version} cannot be read by this version")))
    }
}

/// Makes an [`EventStrategy`] the strategy of this component.
#[macro_export]
macro_rules! export_events {
    ($strategy:ty) => {
        $crate::__export!($crate::events::Session<$strategy>);
    };
}

/// One session.
pub struct Session<S>(RefCell<Inner<S>>);

struct Inner<S> {
    host: Host,
    state: S,
}

/// The SDK's line of a snapshot.
#[derive(Serialize, Deserialize)]
struct Header {
    call: Option<String>,
}

impl<S> Session<S> {
    fn new(context: Context, call: Option<String>, state: S) -> Self {
        Session(RefCell::new(Inner { host: Host::new(context, call), state }))
    }
}

impl<S: EventStrategy> component::Session for Session<S> {
    fn manifest() -> Manifest {
        S::manifest()
    }

    fn start(context: Context) -> Result<Self> {
        let state = S::start(&context)?;
        Ok(Session::new(context, None, state))
    }

    fn handle(&self, event: Event) -> Result<Next> {
        let inner = &mut *self.0.try_borrow_mut()?;
        inner.host.begin(&event);
        inner.state.on_event(event, &inner.host)
    }

    fn save(&self) -> Option<Vec<u8>> {
        let inner = self.0.try_borrow().ok()?;
        let header = Header { call: inner.host.call().map(|id| id.to_string()) };
        // A state that JSON cannot hold (a map whose keys are no texts) is recovered by replay instead.
        saved::join(&header, &serde_json::to_vec(&inner.state).ok()?).ok()
    }

    fn restore(context: Context, state: &[u8], state_version: u32) -> Result<Self> {
        let (header, state) = saved::split::<Header>(state)?;
        let state = match state_version == S::manifest().state_version {
            true => serde_json::from_slice(state)?,
            false => S::migrate(state_version, state)?,
        };
        Ok(Session::new(context, header.call, state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EventBody, component::Session as _, testing};

    #[derive(Serialize, Deserialize)]
    struct Counter {
        seen: u32,
    }

    impl EventStrategy for Counter {
        fn manifest() -> Manifest {
            Manifest::new("counter", "1").state_version(2)
        }
        fn start(context: &Context) -> Result<Self> {
            match context.parameter("broken") {
                Some(why) => Err(Error::new(why)),
                None => Ok(Counter { seen: 0 }),
            }
        }
        fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
            self.seen += 1;
            if let EventBody::Digit(digit) = event.body {
                digit.key.parse::<u8>()?;
                host.play("beep");
            }
            host.attach("seen", self.seen.to_string());
            Ok(Next::Wait)
        }
        fn migrate(_: u32, state: &[u8]) -> Result<Self> {
            Ok(Counter { seen: serde_json::from_slice(state)? })
        }
    }

    #[test]
    fn a_restored_session_goes_on_with_its_call_and_state() {
        let mut desk = testing::events::<Counter>(&[]).unwrap();
        assert_eq!(desk.call("c1").0, Ok(Next::Wait));
        desk.restore().unwrap();
        assert_eq!(
            desk.press('1'),
            (Ok(Next::Wait), vec!["play c1 [Prompt::Sound(\"beep\")] interruptible=true".into(), "attach c1 seen=2".into()])
        );
    }

    #[test]
    fn an_error_is_an_answer_and_not_a_trap() {
        let mut desk = testing::events::<Counter>(&[]).unwrap();
        assert_eq!(desk.call("c1").0, Ok(Next::Wait));
        assert_eq!(desk.press('*').0, Err("invalid digit found in string".to_owned()));
        assert_eq!(testing::events::<Counter>(&[("broken", "no")]).err().map(|e| e.to_string()), Some("no".to_owned()));
    }

    #[test]
    fn an_older_state_is_migrated_and_rubbish_is_refused() {
        let context = testing::context(&[]);
        let old = Session::<Counter>::restore(context.clone(), b"{\"call\":\"c1\"}\n7", 1).unwrap();
        assert_eq!(old.save().unwrap(), b"{\"call\":\"c1\"}\n{\"seen\":7}");
        for bytes in [&b""[..], b"x", b"{}\n{}", b"\n"] {
            assert!(Session::<Counter>::restore(context.clone(), bytes, 2).is_err(), "{bytes:?}");
        }
    }
}
