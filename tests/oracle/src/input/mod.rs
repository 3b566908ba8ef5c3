//! What the oracle reads, by definitions of its own: strict on what it uses, blind to every other field.

pub(crate) mod event;
pub(crate) mod fingerprint;
pub(crate) mod ids;
pub(crate) mod journal;
pub(crate) mod lines;
pub(crate) mod record;
pub(crate) mod request;
