//! Who is primary (design, section 5): a candidate's decision, and a holder's own judgement of whether it still may be one.

mod candidate;
mod pulse;
mod sight;
mod tenure;
#[cfg(test)]
mod two_candidates;

pub use candidate::{Candidate, CandidateOptions, Fencing, LeaseSeen, LockSeen, Move, Observation};
pub use pulse::Pulse;
pub use sight::Sight;
pub use tenure::Tenure;
