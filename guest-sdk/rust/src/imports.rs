//! The seam to the host: in a component the imports of the contract, natively a desk that writes down what was asked for.

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::tandem::strategy::{control, dialog, http, routing, timers, user_data};

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{control, dialog, http, routing, timers, user_data};

/// The same functions as the bindings', writing to `testing`'s desk. Arguments are those of `wit/strategy.wit`.
#[cfg(not(target_family = "wasm"))]
mod native {
    pub(crate) mod dialog {
        use crate::{CollectOptions, PlayOptions, Prompt, RequestId, testing::record};

        pub(crate) fn play(call: &str, prompts: &[Prompt], options: PlayOptions) -> RequestId {
            record(format!("play {call} {prompts:?} interruptible={}", options.interruptible))
        }
        pub(crate) fn collect(call: &str, options: &CollectOptions) -> RequestId {
            record(format!("collect {call} {:?} {}-{}", options.prompts, options.min_digits, options.max_digits))
        }
        pub(crate) fn music(call: &str, name: &str) -> RequestId {
            record(format!("music {call} {name}"))
        }
        pub(crate) fn start_recording(call: &str, name: &str, max_length_ms: u32) -> RequestId {
            record(format!("start-recording {call} {name} {max_length_ms}"))
        }
    }

    pub(crate) mod routing {
        use crate::{RequestId, RouteOptions, Target, testing::record};

        pub(crate) fn route(interaction: &str, targets: &[Target], options: RouteOptions) -> RequestId {
            record(format!("route {interaction} {targets:?} priority={} credit={}", options.priority, options.credit_ms))
        }
        pub(crate) fn set_priority(route: RequestId, priority: i32) -> RequestId {
            record(format!("set-priority {route} {priority}"))
        }
        pub(crate) fn query_group(group: &str) -> RequestId {
            record(format!("query-group {group}"))
        }
        pub(crate) fn transfer(call: &str, to: &Target) -> RequestId {
            record(format!("transfer {call} {to:?}"))
        }
        pub(crate) fn disconnect(interaction: &str) -> RequestId {
            record(format!("disconnect {interaction}"))
        }
        pub(crate) fn create_call(to: &str, calling: &str, ring_timeout_ms: u32) -> RequestId {
            record(format!("create-call {to} from {calling:?} {ring_timeout_ms}"))
        }
    }

    pub(crate) mod user_data {
        use crate::{Property, RequestId, testing};

        pub(crate) fn get(interaction: &str, key: &str) -> Option<String> {
            testing::user_data(interaction, key)
        }
        pub(crate) fn attach(interaction: &str, data: &[Property]) -> RequestId {
            for property in data {
                testing::set_user_data(interaction, &property.key, Some(&property.value));
            }
            let data: Vec<_> = data.iter().map(|p| format!("{}={}", p.key, p.value)).collect();
            testing::record(format!("attach {interaction} {}", data.join(" ")))
        }
        pub(crate) fn delete(interaction: &str, keys: &[String]) -> RequestId {
            for key in keys {
                testing::set_user_data(interaction, key, None);
            }
            testing::record(format!("delete {interaction} {}", keys.join(" ")))
        }
    }

    pub(crate) mod timers {
        use crate::{LocalTime, RequestId, Timestamp, testing::record};

        pub(crate) fn after(delay_ms: u32) -> RequestId {
            record(format!("after {delay_ms}"))
        }
        pub(crate) fn at(time: Timestamp) -> RequestId {
            record(format!("at {time}"))
        }
        pub(crate) fn local(_at: Timestamp, zone: &str) -> Result<LocalTime, String> {
            Err(format!("there is no time-zone database here to look up {zone:?}; use `tandem test`"))
        }
    }

    pub(crate) mod http {
        use crate::{HttpRequest, RequestId, testing::record};

        pub(crate) fn fetch(request: &HttpRequest) -> RequestId {
            record(format!("fetch {} {}", request.method, request.url))
        }
    }

    pub(crate) mod control {
        use crate::{Level, Property, RequestId, testing};

        pub(crate) fn cancel(request: RequestId) {
            testing::note(format!("cancel {request}"));
        }
        pub(crate) fn send(session: &str, name: &str, json: &str) -> RequestId {
            testing::record(format!("send {session} {name} {json}"))
        }
        pub(crate) fn start_session(strategy: &str, parameters: &[Property]) -> RequestId {
            testing::record(format!("start-session {strategy} {parameters:?}"))
        }
        pub(crate) fn log(level: Level, text: &str) {
            testing::note(format!("log {level:?} {text}"));
        }
        pub(crate) fn milestone(name: &str) {
            testing::note(format!("milestone {name}"));
        }
    }
}
