//! How fast switch time may pass.

use std::{fmt, str::FromStr};

/// The fastest that can be asked for by number; beyond it, `max` says what is meant.
const MOST_TIMES: u32 = 100_000;

/// A speed only adds waiting: the calls' outcomes are the same at each (design, section 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// So many times real time.
    Times(u32),
    /// As fast as the host answers.
    Max,
}

/// A speed that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a speed; write 1x (real time), 60x (a minute in a second; up to {MOST_TIMES}x) or max")]
pub struct ParseSpeedError(pub String);

impl FromStr for Speed {
    type Err = ParseSpeedError;

    fn from_str(text: &str) -> Result<Self, ParseSpeedError> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let times = text.strip_suffix('x').and_then(|times| times.parse().ok()).filter(|times| (1..=MOST_TIMES).contains(times));
        times.map(Speed::Times).ok_or_else(|| ParseSpeedError(text.to_owned()))
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Times(times) => write!(f, "{times}x"),
            Speed::Max => f.write_str("max"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_reads_back_what_it_prints() {
        for speed in [Speed::Times(1), Speed::Times(60), Speed::Max] {
            assert_eq!(speed.to_string().parse(), Ok(speed));
        }
        for bad in ["", "0x", "x", "60", "-1x", "1.5x", "100001x", "fast"] {
            assert!(bad.parse::<Speed>().unwrap_err().to_string().contains("max"), "{bad}");
        }
    }
}
