//! Who calls, and how: plans of callers, as pure data.
//!
//! A plan is drawn before the call begins. What a caller does hangs on the run's seed and the caller's own number, never
//! on other callers or on what the switch did; so two runs of one seed differ only by what was done to the calls.
//! This part must not know calls, agents, strategies or the switch's clock.

mod chance;
pub mod generator;
pub mod plan;
pub mod trace;

pub use generator::{Choice, Dialled, Generator, GeneratorError};
pub use plan::{After, Answer, CallerPlan, Digits};
pub use trace::{Trace, TraceError, TraceOptions};
