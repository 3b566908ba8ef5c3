//! Agent groups: who gets the next call (design, sections 9 and 12).
//!
//! [`AgentGroups`] is a pure state machine. The switch tells it what happened and when; it answers with what is to be
//! done now: ring this agent for this route, stop ringing, this route timed out. The simulated switch drives it in
//! virtual time; a host could drive the very same rules.
//!
//! **The rules.** Among waiting routes the higher priority goes first; equal: the longest waiting, with its credit
//! counted as waited; then the smaller key. A route goes to whichever of its targets is ready first; targets that are
//! ready at the same instant are taken in listed order; in a group the longest idle agent, then the smaller name.
//! At one instant everything that ends (time-outs, wrap-up) is done before anything is offered.
//!
//! **What it must not know:** clocks, calls and how they are carried, sessions, strategies, numbers that are not agents
//! or groups. Time is a `u64` of milliseconds that the caller brings; it never goes back: an earlier `now_ms` counts as
//! the latest one seen. A route's key is whatever the caller chooses, if it can be ordered.
//!
//! ```
//! use tandem_queue::{AgentGroups, AgentSetup, Options, Output, Route, Target};
//!
//! # fn main() -> Result<(), tandem_queue::Error> {
//! let mut groups: AgentGroups<u64> = AgentGroups::new(Options::default());
//! let mut out = Vec::new();
//! groups.add_group("sales")?;
//! let ann = AgentSetup { name: "ann".into(), groups: vec!["sales".into()], wrap_up_ms: 5_000 };
//! groups.put_agent(0, ann, &mut out)?;
//!
//! // Call 7 waits: nobody is logged in.
//! groups.enqueue(1_000, Route::new(7, vec![Target::Group("sales".into())]), &mut out)?;
//! assert!(out.is_empty());
//!
//! // Ann logs in; her phone is to ring for call 7.
//! groups.log_in(3_000, "ann", &mut out)?;
//! assert!(matches!(&out[..], [Output::Offer(offer)] if offer.route == 7 && &*offer.agent == "ann"));
//!
//! out.clear();
//! groups.answered(4_000, "ann", &mut out)?;
//! assert!(matches!(&out[..], [Output::Answered(answered)] if answered.waited_ms == 3_000));
//! groups.call_ended(60_000, "ann", &mut out)?;
//! assert_eq!(groups.next_due_ms(), Some(65_000)); // end of her wrap-up
//! # Ok(())
//! # }
//! ```
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod agent;
mod agent_inputs;
mod call_inputs;
mod error;
mod group;
mod groups;
mod line;
mod matching;
mod output;
mod route;
mod route_inputs;
mod status;

#[cfg(test)]
mod testing;

pub use agent::{AgentSetup, AgentState};
pub use error::Error;
pub use groups::{AgentGroups, Options};
pub use output::{Answered, Offer, Output};
pub use route::{Route, RouteState, Target};
pub use status::GroupStatus;

/// Name of an agent or a group: cheap to clone, ordered as text.
pub type Name = std::sync::Arc<str>;
