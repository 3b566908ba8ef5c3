//! What every store promises. A place is a store that can be opened any number of times, as by other processes.

mod claims;
mod journal;
mod leases;
mod reading;

use tandem_store::Store;

pub type Place = Box<dyn Fn() -> Box<dyn Store>>;

/// Checks every promise, each on a place of its own.
pub fn suite(make: impl Fn() -> Place) {
    let promises = leases::PROMISES.iter().chain(claims::PROMISES).chain(journal::PROMISES).chain(reading::PROMISES);
    for (name, promise) in promises {
        println!("{name}");
        promise(&make());
    }
}

/// A promise and its name.
pub type Promise = (&'static str, fn(&Place));

/// A list of promises with their names.
macro_rules! promises {
    ($($name:ident),* $(,)?) => {
        pub const PROMISES: &[crate::conformance::Promise] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use promises;
