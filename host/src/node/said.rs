//! What strategies say, and how they fail, in the host's log: target `strategy`, so that `--log info,strategy=warn` hears less of it.

use tandem_journal::{LogLevel, StepFailureKind};
use tandem_session::{Durable, Release, Said};

/// Of steps that have become durable.
pub fn tell(items: &[Durable]) {
    for item in items {
        if let Durable::Released(release) = item
            && let Some(said) = &release.said
        {
            tell_one(release, said);
        }
    }
}

fn tell_one(Release { session, seq, .. }: &Release, Said { strategy, lines, failure }: &Said) {
    for (level, text) in lines {
        match level {
            LogLevel::Debug => tracing::debug!(target: "strategy", strategy, %session, seq, "{text}"),
            LogLevel::Info => tracing::info!(target: "strategy", strategy, %session, seq, "{text}"),
            LogLevel::Warn => tracing::warn!(target: "strategy", strategy, %session, seq, "{text}"),
            LogLevel::Error => tracing::error!(target: "strategy", strategy, %session, seq, "{text}"),
        }
    }
    let Some(failure) = failure else { return };
    let (kind, message) = (failure.kind, &failure.message);
    match kind {
        StepFailureKind::Terminated => tracing::info!(target: "strategy", strategy, %session, seq, "{message}"),
        _ => {
            tracing::error!(target: "strategy", strategy, %session, seq, ?kind, "the step failed, and the session with it: {message}; its calls take their default route");
        }
    }
}
