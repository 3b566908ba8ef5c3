//! SIGTERM and ctrl-c end an instance; SIGHUP has it read its options again.

use std::io::IsTerminal as _;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::node::Running;

/// Listened to before the instance is primary, so that one that comes while it starts ends it well, too.
pub type Signals = (Signal, Signal);

/// None: they cannot be heard.
pub fn signals() -> Option<Signals> {
    let signals = signal(SignalKind::terminate()).and_then(|terminate| Ok((terminate, signal(SignalKind::interrupt())?)));
    signals.inspect_err(|error| tracing::warn!("signals cannot be heard ({error}); this instance can only be killed")).ok()
}

/// None: whoever runs it sits at a terminal. There a SIGHUP says that the terminal is gone, and ends it.
pub fn hangups() -> Option<Signal> {
    if std::io::stdin().is_terminal() {
        return None;
    }
    let hangups = signal(SignalKind::hangup());
    hangups.inspect_err(|error| tracing::warn!("SIGHUP cannot be heard ({error}); options are read at a start only")).ok()
}

/// The first one ends the instance well, a second at once.
pub async fn stop_on_signal(instance: Running, (mut terminate, mut interrupt): Signals) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no more events, then the last commits; a second signal ends at once");
    instance.stop();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // As good as a kill, and that loses nothing.
    tracing::warn!("ended at once: what was not committed is done again by the next instance");
    std::process::exit(3);
}
