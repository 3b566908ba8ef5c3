//! Why a call of a guest failed, in the session room's terms.

use tandem_journal::StepFailureKind;
use tandem_session::{GuestFailure, OverLimit};
use wasmtime::{Error, Trap, WasmBacktrace};

use crate::{
    deadline::OutOfTime,
    host_side::{HostSide, OutsideEvent, cut},
};

/// Of an author's own error text.
const AUTHOR_TEXT_BYTES: usize = 1_000;
/// Functions named of a backtrace, from the innermost.
const FRAMES: usize = 4;
/// How wasmtime says that one call carried more than `transfer_bytes`; its type is private.
const TOO_MUCH_TRANSFER: &str = "fuel allocated for hostcalls has been exhausted";

/// The guest answered with an error; its instance lives on.
pub(crate) fn of_author(strategy: &str, call: &str, text: String) -> GuestFailure {
    GuestFailure {
        kind: StepFailureKind::Error,
        message: format!("{strategy}: {call} answered with an error: {}", cut(text, AUTHOR_TEXT_BYTES)),
        instance_died: false,
    }
}

/// The call was stopped, and the instance is dead.
pub(crate) fn of_instance(strategy: &str, call: &str, error: &Error, host: &mut HostSide) -> GuestFailure {
    let (kind, mut what) = why(error, host);
    if let Some(words) = host.last_words() {
        what = format!("{what}; its last words: {words}");
    }
    GuestFailure { kind, message: format!("{strategy}: {call} was stopped: {what}"), instance_died: true }
}

fn why(error: &Error, host: &HostSide) -> (StepFailureKind, String) {
    if let Some(out_of_time) = error.downcast_ref::<OutOfTime>() {
        return (StepFailureKind::Time, out_of_time.to_string());
    }
    if let Some(over_limit) = error.downcast_ref::<OverLimit>() {
        return (StepFailureKind::Limit, over_limit.to_string());
    }
    if let Some(outside) = error.downcast_ref::<OutsideEvent>() {
        return (StepFailureKind::Trap, outside.to_string());
    }
    if let Some((wanted, limit)) = host.memory.refused() {
        let what = format!("it wanted {wanted} bytes of memory; the limit is {limit} (limits.cell-memory); keep less, or raise it");
        return (StepFailureKind::Memory, what);
    }
    let cause = error.root_cause().to_string();
    if cause.contains(TOO_MUCH_TRANSFER) {
        return (StepFailureKind::Limit, "it handed over more in one call than limits.payload or limits.state would ever allow".to_owned());
    }
    let kind = if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) { StepFailureKind::Time } else { StepFailureKind::Trap };
    let names = functions(error);
    (kind, if names.is_empty() { cause } else { format!("{cause} in {names}") })
}

/// Names of the innermost functions, where the component has kept them (`strip = true` removes them).
fn functions(error: &Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return String::new() };
    let name = |frame: &wasmtime::FrameInfo| frame.func_name().map(|name| cut(name.to_owned(), 100));
    backtrace.frames().iter().filter_map(name).take(FRAMES).collect::<Vec<_>>().join(" < ")
}
