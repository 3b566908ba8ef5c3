//! The guests of `tests/guests`, compiled once, here, and handed to tests as bytes or paths. Each is named by a test.

/// A guest for tests.
#[derive(Debug, Clone, Copy)]
pub struct Guest {
    /// Of its folder.
    pub name: &'static str,
    /// The component.
    pub wasm: &'static [u8],
    /// The component as a file, for commands that take one.
    pub path: &'static str,
}

mod generated {
    use super::Guest;

    include!(concat!(env!("OUT_DIR"), "/guests.rs"));
}

/// All of them, in order of their names.
pub const ALL: &[Guest] = generated::ALL;

/// The guest of a name.
pub fn guest(name: &str) -> Option<&'static Guest> {
    ALL.iter().find(|guest| guest.name == name)
}
