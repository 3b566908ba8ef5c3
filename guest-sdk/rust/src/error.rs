//! What can go wrong in a strategy.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EndCause, ErrorCode, Failure};

/// `std::result::Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a strategy cannot go on. Every `std::error::Error` becomes one through `?`; so this type is not one itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Error {
    /// Straight-line style: the call ended while something was awaited. A flow that hands it on by `?` ends normally.
    CallEnded(CallEnd),
    /// The host answered a request with `failed`.
    Failed(Failure),
    /// Anything else. In `on_event` and `run` it fails the step and sends the call to its default route.
    Other(String),
}

/// How the session lost its call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CallEnd {
    /// The call is over.
    Deleted(EndCause),
    /// Another application took it over.
    NotControlled,
    /// The switch or the host sent it to its default route.
    DefaultRouted,
}

impl Error {
    /// An error of your own.
    pub fn new(text: impl Into<String>) -> Self {
        Error::Other(text.into())
    }

    /// Whether the call is gone, so that only after-call work makes sense.
    pub fn is_call_ended(&self) -> bool {
        matches!(self, Error::CallEnded(_)) || self.code() == Some(ErrorCode::Gone)
    }

    /// The host's code, where a request failed.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Error::Failed(failure) => Some(failure.code),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::CallEnded(CallEnd::Deleted(cause)) => write!(f, "the call is over: {}", case(cause)),
            Error::CallEnded(CallEnd::NotControlled) => f.write_str("another application took the call over"),
            Error::CallEnded(CallEnd::DefaultRouted) => f.write_str("the call was sent to its default route"),
            Error::Failed(failure) => write!(f, "{}: {}", case(&failure.code), failure.message),
            Error::Other(text) => f.write_str(text),
        }
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        Error::Other(error.to_string())
    }
}

/// The bare name of a case; the bindings' Debug writes the type's before it.
fn case(value: &impl fmt::Debug) -> String {
    let text = format!("{value:?}");
    text.split_once("::").map_or(text.clone(), |(_, case)| case.to_owned())
}
