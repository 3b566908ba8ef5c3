//! The rules, one kind of promise a file. Each looks at both folded files and adds what is wrong to the findings.

pub(crate) mod behind;
pub(crate) mod calls;
pub(crate) mod default_routes;
pub(crate) mod events;
pub(crate) mod queues;
pub(crate) mod requests;
pub(crate) mod timers;
pub(crate) mod twin;
