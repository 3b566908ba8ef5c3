#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]
#![warn(missing_docs)]

#[allow(missing_docs, unsafe_code)]
pub mod bindings;
#[doc(hidden)]
pub mod component;
mod error;
pub mod events;
pub mod flow;
mod host;
mod imports;
mod manifest;
mod options;
mod random;
mod saved;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use bindings::{
    exports::tandem::strategy::strategy::{Isolation, Manifest, Next, OnSwap, Parameter},
    tandem::strategy::{
        control::Level,
        dialog::{CollectOptions, PlayOptions, Prompt, Speech},
        http::Request as HttpRequest,
        routing::{RouteOptions, Target},
        timers::LocalTime,
        types::{
            Context, Custom, Deletion, Digit, Digits, Direction, EndCause, ErrorCode, Event, EventBody, Failure, Gap, GroupStatus,
            Interaction, InteractionId, Media, Message, Origin, Party, PartyState, Property, Recording, RequestId, Response, Restart,
            RestartCause, Routed, StoppedBy, Timestamp, UserDataChange,
        },
    },
};
pub use error::{CallEnd, Error, Result};
pub use host::Host;
pub use options::{Collect, Fetch, Play, Route};
pub use random::Random;

/// What most strategies need: `use tandem_sdk::prelude::*;`.
pub mod prelude {
    pub use std::time::Duration;

    pub use crate::{
        CallEnd, Collect, Context, EndCause, Error, ErrorCode, Event, EventBody, Fetch, Host, Level, Manifest, Next, Play, Prompt,
        Property, RequestId, Result, Route, StoppedBy, Target,
        events::EventStrategy,
        flow::{Call, join},
        select,
    };
}
