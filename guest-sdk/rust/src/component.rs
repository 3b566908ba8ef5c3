//! The exports of the contract, once for both styles.

use std::marker::PhantomData;

use crate::{
    Context, Event, Manifest, Next, Result,
    bindings::exports::tandem::strategy::strategy::{Guest, GuestSession, Session as Handle},
};

/// A session in one of the two styles.
pub trait Session: Sized + 'static {
    /// What its strategy says of itself.
    fn manifest() -> Manifest;
    /// Begins; the context is complete with the manifest's defaults.
    fn start(context: Context) -> Result<Self>;
    /// Handles one event.
    fn handle(&self, event: Event) -> Result<Next>;
    /// The whole state, where it can be had.
    fn save(&self) -> Option<Vec<u8>>;
    /// Takes up what `save` gave, perhaps in an older version.
    fn restore(context: Context, state: &[u8], state_version: u32) -> Result<Self>;
}

/// The component whose sessions are of type `S`; the export macros name it.
pub struct Component<S>(PhantomData<S>);

/// What the host's handle points to.
pub struct Exported<S>(S);

/// Gives a context the manifest's defaults.
pub(crate) fn complete<S: Session>(mut context: Context) -> Context {
    S::manifest().complete(&mut context);
    context
}

impl<S: Session> Guest for Component<S> {
    type Session = Exported<S>;

    fn describe() -> Manifest {
        S::manifest()
    }
}

impl<S: Session> GuestSession for Exported<S> {
    fn start(context: Context) -> Result<Handle, String> {
        tell_panics();
        handle(S::start(complete::<S>(context)))
    }

    fn on_event(&self, event: Event) -> Result<Next, String> {
        self.0.handle(event).map_err(|error| error.to_string())
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        self.0.save()
    }

    fn restore(context: Context, state: Vec<u8>, state_version: u32) -> Result<Handle, String> {
        tell_panics();
        handle(S::restore(complete::<S>(context), &state, state_version))
    }
}

/// A panic's message and place go into the log, and from there into the failure that the host records: a trap has no words.
#[cfg(target_family = "wasm")]
fn tell_panics() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    let tell = |panic: &std::panic::PanicHookInfo<'_>| {
        let place = panic.location().map(|place| format!(" at {}:{}", place.file(), place.line())).unwrap_or_default();
        let what = panic.payload_as_str().unwrap_or("without a message");
        crate::imports::control::log(crate::Level::Error, &format!("panicked{place}: {what}"));
    };
    ONCE.call_once(|| std::panic::set_hook(Box::new(tell)));
}

/// Natively panics are told by who runs the tests.
#[cfg(not(target_family = "wasm"))]
fn tell_panics() {}

fn handle<S: Session>(session: Result<S>) -> Result<Handle, String> {
    session.map(|session| Handle::new(Exported(session))).map_err(|error| error.to_string())
}

/// Exports a component from the author's crate. Natively there is nothing to export to; the types are checked all the same.
#[doc(hidden)]
#[macro_export]
macro_rules! __export {
    ($session:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            type TandemComponent = $crate::component::Component<$session>;
    $crate::bindings::export!(TandemComponent with_types_in $crate::bindings);
        };
        #[cfg(not(target_family = "wasm"))]
        const _: fn($crate::Context) -> $crate::Result<$session> = <$session as $crate::component::Session>::start;
    };
}
