//! The switch from outside, as facts. `#n` is the n-th request.

mod busy;
mod callers;
mod commands;
mod dialog;
mod ends;
mod invariants;
mod routing;
mod transfer;
