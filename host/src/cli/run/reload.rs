//! SIGHUP: the options file is read again, and the log says what counts from when.
//!
//! What can change while an instance runs is `log.level`; everything else counts from the next start. A wrong file changes nothing.

use std::path::PathBuf;

use tokio::signal::unix::Signal;

use crate::{
    cli::logs::Logging,
    options::{Loaded, Log, Options},
};

/// The one that counts while the instance runs.
const LEVEL: &str = "log.level";

/// What an instance runs with.
pub struct Reload {
    pub path: PathBuf,
    pub options: Options,
    pub logging: Logging,
}

impl Reload {
    /// Reads the file again at each of these.
    pub async fn at(mut self, mut hangups: Signal) {
        while hangups.recv().await.is_some() {
            self.read_again();
        }
    }

    fn read_again(&mut self) {
        let file = self.path.display().to_string();
        let Loaded { options, warnings } = match Options::load(&self.path) {
            Ok(loaded) => loaded,
            Err(wrong) => {
                tracing::error!("{file} was read again: {wrong}; the options of before stay. `tandem config check` shows what is wrong");
                return;
            }
        };
        for warning in warnings {
            tracing::warn!("{file}: {warning}");
        }
        let mut changed = match self.options.changed(&options) {
            Ok(changed) => changed,
            Err(error) => return tracing::error!("{file} was read again, and cannot be compared: {error}; please report this"),
        };
        if changed.remove(LEVEL) {
            self.take(options.log);
        }
        if changed.is_empty() {
            tracing::info!("{file} was read again: nothing has changed that waits for the next start");
        } else {
            let names: Vec<_> = changed.into_iter().collect();
            tracing::info!("{file} was read again: {} count from the next start of this instance", names.join(", "));
        }
    }

    fn take(&mut self, log: Log) {
        match self.logging.set(&log) {
            Ok(()) => {
                tracing::info!("{LEVEL} = {:?} counts from now on", log.level);
                self.options.log.level = log.level;
            }
            Err(error) => tracing::error!("{LEVEL} stays as it was: {error}"),
        }
    }
}
