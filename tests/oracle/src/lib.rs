//! The oracle: an independent judge of a run.
//!
//! It compares the *record* of a switch (what each caller experienced, every event that got a position, every request as
//! received) with the exported *journal* of the host (what was committed), and optionally with a run of the same seed in which
//! nothing died. It knows nothing of the host's code: it reads both files by its own definitions, and whatever it lets pass it
//! derives from them. It belongs to the tests of real processes (design, section 13.4).
//!
//! ```text
//! tandem-oracle RECORD JOURNAL [--twin RECORD [--twin-journal JOURNAL]] [--json FILE]
//!               [--grace-ms N] [--retain N] [--wrap-up-ms N] [--examples N]
//! ```
//!
//! Exit code 0: nothing wrong; 1: something is; 2: a file cannot be judged (the message names file, line and what was expected).
//! `RECORD`: JSON lines, the first `{"type":"begin",…}`, the last `{"type":"end",…}`. `JOURNAL`: JSON lines in the order of
//! commits, `{"opened":…}`, `{"step":…}`, `{"ended":…}`; `{"snapshot":…}` is read over. Fields that no rule uses may be there or not.
//!
//! # How to read the report
//!
//! First what the run was: `calls` and how they came out, which must add up; `sessions`, `steps`, `events`, `requests`; how many
//! requests the gateway had seen before (`deduplicated`), refused from an old epoch (`fenced`) or for calls that were over
//! (`gone`); how often a primary was lost (`faults`). Of events that are in no step, those that need not be are counted by
//! reason: `events_ignored` (session over, or never one), `events_in_gaps`, `events_unheard`. Then, one line each, what must be
//! zero ([`Kind`]), and the first findings of each kind with call, session, position (`incarnation:position`), request
//! (`session/incarnation/number`), switch time and line. In JSON it is one flat object with the findings under `findings`.
//!
//! # The rules
//!
//! *Events.* An event belongs to the session that asked, if it is an answer, else to the session of its call's latest visit. It
//! is in exactly one step, of that session, as it was told, and a session's steps are in the order of positions. It may be missing where
//! - its session was over: it ended with an earlier event of the switch; or it ended otherwise, no later event was taken, and the event
//!   is not from before that end (for a timer: its due time; else the time of the step before);
//! - its request was answered already, or was that of an earlier incarnation, or is not in the journal (which is another finding);
//! - its call never had a session, was abandoned or default-routed, and nothing is deployed at its routing point: no call there ever had one;
//! - the switch could no longer tell it (`--retain` later events, or a new switch incarnation) and the session heard a `gap` that covers it;
//! - no primary came any more until the record's end; or it lies within `--grace-ms` of it.
//!
//! *Sessions.* Steps are numbered without holes, session time and epochs do not go back, only late answers follow an end, a claim is made once,
//! timers that are due fire.
//!
//! *Requests.* What was received, whatever the verdict, stands in the journal with that body and step, and was not refused there. A key is applied,
//! heard as a treatment, and answered at most once (cancels carry the key of what they stop and may repeat). What the journal asks of
//! the switch was received, unless its call was over or on its default route whenever a primary led that could have sent it, for longer than an instant.
//! Not looked at: cancels that were never received, and `send`, `start-session` and `fetch`, which never leave the host.
//!
//! *Silence.* See `silence.rs`: 5 s, past `quiet-until`, which is void while its node has no primary.
//!
//! *Default routes.* Explained by a time of at least the control deadline (of the routing point, where the `begin` line tells it in
//! `control_deadlines_ms`; else its `control_deadline_ms`) without a primary (of the session's node, or of any where
//! the call had no session) in which it happened; or by the strategy: its session was over, or asked for it; or by a number without strategy.
//!
//! *The twin.* Callers are matched by number; outcome and treatments heard (in order, by their description) must be equal, but for
//! calls whose wait crossed a fault (`differing_fault_crossed`) and calls behind one in the same busy period of the same agents
//! (`differing_behind`). *Wait*: from arrival until it came to a person or the default route for good, or left. *Fault*: from the loss of a
//! primary, of whatever node, to the next one. *Busy period*: no moment in it without a call, in either run, that waits for these
//! agents or is with one, or (`--wrap-up-ms`) has just been; groups that one route names together or that share an agent are one. *Behind*: queued at the same
//! time or later; or waiting then, with the other first by priority or credit; or behind one that is. A strategy that decides by the state of
//! a group before it queues its call is not understood by this: it shows as `unexplained_differences`.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing))]

mod checks;
mod finding;
mod host;
mod input;
mod judge;
mod leadership;
mod report;
mod silence;
mod switch;

pub use finding::{Finding, Kind};
pub use input::lines::ReadError;
pub use judge::{Options, Twin, judge};
pub use report::{Compared, Facts, Report};
