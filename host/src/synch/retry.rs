//! How long to wait before something is tried again, and what of it is worth a word in the log.

use std::time::{Duration, Instant};

/// The first pause; doubled each time up to [`LONGEST`]. The other instance is met soon after it starts, and not hammered.
const FIRST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(1);

/// A connection that lived so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(2);

/// The same words again are told so often. Reason: somebody who looks into the log later must find them; nobody needs them more often,
/// and a stranger who connects again and again must not fill a disk.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// Pauses between tries.
#[derive(Debug)]
pub(super) struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Pauses(FIRST)
    }
}

impl Pauses {
    /// Something ended that lived so long.
    pub(super) fn after(&mut self, lived: Duration) -> Duration {
        let pause = if lived >= GOOD_AFTER { FIRST } else { self.0 };
        self.0 = (pause * 2).min(LONGEST);
        pause
    }
}

/// Different words within [`AGAIN_AFTER`]. Reason: a stranger chooses some of them.
const MOST_WORDS: usize = 20;

/// What was told lately.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<(String, Instant)>);

impl Told {
    /// Whether this is worth a line now.
    pub(super) fn is_news(&mut self, words: &str, now: Instant) -> bool {
        self.0.retain(|(_, at)| now.saturating_duration_since(*at) < AGAIN_AFTER);
        let news = self.0.len() < MOST_WORDS && !self.0.iter().any(|(told, _)| told == words);
        if news {
            self.0.push((words.to_owned(), now));
        }
        news
    }

    /// It is over: the next time it is news.
    pub(super) fn over(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_connection_was_good() {
        let mut pauses = Pauses::default();
        let waits: Vec<_> = (0..7).map(|_| pauses.after(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_000, 1_000]);
        assert_eq!(pauses.after(GOOD_AFTER), FIRST);
    }

    #[test]
    fn the_same_words_are_told_once_a_minute() {
        let (mut told, now) = (Told::default(), Instant::now());
        assert!(told.is_news("taken", now) && !told.is_news("taken", now + AGAIN_AFTER / 2));
        assert!(told.is_news("refused", now) && !told.is_news("taken", now));
        assert!(told.is_news("taken", now + AGAIN_AFTER));
        told.over();
        assert!(told.is_news("taken", now + AGAIN_AFTER));
    }

    #[test]
    fn a_stranger_does_not_fill_the_log() {
        let (mut told, now) = (Told::default(), Instant::now());
        let lines = (0..1_000).filter(|number| told.is_news(&number.to_string(), now)).count();
        assert_eq!(lines, MOST_WORDS);
    }
}
