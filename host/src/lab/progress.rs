//! How far long work is: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

/// Between lines where there is no terminal. Reason: a log of a long run stays readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows on stderr how far something is.
#[derive(Debug)]
pub struct Progress {
    what: String,
    total: u64,
    bar: Option<ProgressBar>,
    line_at: Instant,
}

impl Progress {
    /// `what` is being done, in `total` parts.
    pub fn new(what: impl Into<String>, total: u64) -> Self {
        let what = what.into();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(total).with_prefix(what.clone());
            let style = ProgressStyle::with_template("{prefix:>12} [{bar:40}] {pos}/{len}  {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
            bar
        });
        Progress { what, total, bar, line_at: Instant::now() + LINE_EVERY }
    }

    /// So much is done; `note` says what goes on.
    pub fn at(&mut self, done: u64, note: impl Into<String>) {
        match &self.bar {
            Some(bar) => {
                bar.set_position(done);
                bar.set_message(note.into());
            }
            None if Instant::now() >= self.line_at => {
                self.line_at = Instant::now() + LINE_EVERY;
                eprintln!("{} {done} of {}, {}", self.what, self.total, note.into());
            }
            None => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
