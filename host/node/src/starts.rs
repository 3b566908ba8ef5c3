//! Sessions that sessions start: not without end at one instant, or time would stand still for all (P12).

use std::collections::BTreeMap;

use tandem_words::{ErrorCode, Failure, SessionId, Timestamp};

/// How long a chain of sessions, each started by the one before, may get at one instant. A flow that is split over sessions has
/// a handful.
const MAX_CHAIN: u32 = 64;

/// How many sessions may be started by sessions at one instant. A dialler makes some hundreds.
const MAX_AT_ONCE: usize = 10_000;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Starts {
    at: Timestamp,
    /// Sessions started at that instant: the length of the chain that led to each.
    chains: BTreeMap<SessionId, u32>,
}

impl Starts {
    /// How long the chain is with which `by` may start one more, or why it may not.
    pub(crate) fn admit(&mut self, by: SessionId, at: Timestamp) -> Result<u32, Failure> {
        if at > self.at {
            self.at = at;
            self.chains.clear();
        }
        let chain = self.chains.get(&by).map_or(1, |chain| chain + 1);
        let why = if chain > MAX_CHAIN {
            format!("{MAX_CHAIN} sessions have started one another at one instant, which is the limit: they go in circles")
        } else if self.chains.len() >= MAX_AT_ONCE {
            format!("{MAX_AT_ONCE} sessions were started by sessions at one instant, which is the limit")
        } else {
            return Ok(chain);
        };
        Err(Failure::new(ErrorCode::OverLimit, why))
    }

    /// It was started, at the end of a chain of this length.
    pub(crate) fn started(&mut self, session: SessionId, chain: u32) {
        self.chains.insert(session, chain);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::session;

    #[test]
    fn sessions_that_start_one_another_at_one_instant_come_to_an_end() {
        let mut starts = Starts::default();
        let mut refused = None;
        for number in 1..=200 {
            match starts.admit(session(number), 1_000) {
                Ok(chain) => starts.started(session(number + 1), chain),
                Err(failure) => {
                    refused.get_or_insert((number, failure.code));
                    break;
                }
            }
        }
        assert_eq!(refused, Some((u64::from(MAX_CHAIN) + 1, ErrorCode::OverLimit)));
        assert_eq!(starts.admit(session(u64::from(MAX_CHAIN) + 1), 1_001), Ok(1), "time has passed");
    }

    #[test]
    fn one_session_starts_many_but_not_without_bound() {
        let mut starts = Starts::default();
        let bound = MAX_AT_ONCE as u64;
        for number in 1..=bound {
            let chain = starts.admit(session(0), 1_000).unwrap();
            starts.started(session(number), chain);
        }
        assert_eq!(starts.admit(session(0), 1_000).unwrap_err().code, ErrorCode::OverLimit);
        assert!(starts.admit(session(0), 2_000).is_ok());
    }
}
