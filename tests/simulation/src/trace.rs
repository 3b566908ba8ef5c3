//! What happened, as text: hashed to compare two runs of a seed, and its end kept to be shown.

use std::collections::VecDeque;

/// Lines that are kept: a seed's run has some thousands.
const KEPT: usize = 200_000;

/// See the module. Switched off it costs nothing: the text is not even made.
#[derive(Debug, Default)]
pub struct Trace {
    on: bool,
    hash: u64,
    lines: VecDeque<String>,
}

impl Trace {
    /// On, or off.
    pub fn new(on: bool) -> Self {
        Trace { on, hash: 0xcbf2_9ce4_8422_2325, lines: VecDeque::new() }
    }

    /// Something happened at this real time (µs).
    pub fn note(&mut self, at_us: u64, what: impl FnOnce() -> String) {
        if !self.on {
            return;
        }
        let line = format!("{:>4}.{:06} {}", at_us / 1_000_000, at_us % 1_000_000, what());
        for byte in line.bytes() {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        self.lines.push_back(line);
        if self.lines.len() > KEPT {
            self.lines.pop_front();
        }
    }

    /// Of everything noted.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The last lines.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }
}
