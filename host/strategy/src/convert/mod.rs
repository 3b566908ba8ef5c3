//! Between the host's words and the types generated from the contract. The two have the same shapes; this is all that
//! keeps wasmtime out of the other rooms.

mod from_guest;
mod to_guest;

pub(crate) use from_guest::{collect_options, fetch, prompts, route};
pub(crate) use from_guest::{level, manifest, next, properties, target};
pub(crate) use to_guest::{context, event, local_time};
