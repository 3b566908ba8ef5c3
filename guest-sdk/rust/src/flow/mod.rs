//! Straight-line style: an `async fn` that reads like the conversation.
//!
//! ```
//! use tandem_sdk::prelude::*;
//!
//! fn manifest() -> Manifest {
//!     Manifest::new("callback", "0.1.0")
//! }
//!
//! async fn run(call: Call) -> Result<()> {
//!     call.play("welcome").await?;
//!     let asked = select! {
//!         key = call.digit() => Some(key?),
//!         _ = call.sleep(Duration::from_secs(10)) => None,
//!     };
//!     if asked == Some('1') {
//!         let music = call.music("hold");
//!         match call.route(Route::group("agents").timeout(Duration::from_secs(60))).await {
//!             Ok(_) => return Ok(()),
//!             // The caller hung up: the only thing left to do is after-call work.
//!             Err(error) if error.is_call_ended() => return call.attach("callback", "yes").await,
//!             Err(error) => call.log(Level::Warn, error),
//!         }
//!         drop(music); // A request that is dropped is cancelled.
//!     }
//!     call.play("goodbye").await?;
//!     call.disconnect().await
//! }
//!
//! tandem_sdk::export_flow!(manifest, run);
//! # fn main() {}
//! ```
//!
//! - The function is polled while an event is handled, and only then; nothing runs in between.
//! - A request is made when its method is called, and its answer awaited; a failure is an [`Error::Failed`](crate::Error).
//! - **The end of the call** interrupts whatever was being awaited with [`Error::CallEnded`](crate::Error), so that `?` ends the
//!   flow. What is asked for afterwards is not interrupted: that is the place for after-call work. Where
//!   [`hung_up`](Call::hung_up) is awaited, it hears of the end first: so in a `select!` its branch is taken.
//! - There is **no snapshot** of an `async fn`: a session is recovered by replaying its journal, which the host caps. A flow
//!   that may live long calls [`checkpoint`](Call::checkpoint) from time to time.
//! - Do not keep state in statics: sessions of one version share them. Take time and random numbers from the call.

mod answer;
mod call;
mod inbox;
mod request;
mod select;
mod session;
mod state;
#[cfg(test)]
mod tests;

pub use answer::Answer;
pub use call::Call;
pub use inbox::{HungUp, Received};
pub use request::Request;
pub use select::join;
#[doc(hidden)]
pub use select::{Either, nothing, race};
pub use session::Session;

use std::future::Future;

use crate::{Manifest, Result};

/// A strategy in straight-line style; [`export_flow!`](crate::export_flow) writes this for you.
pub trait Flow: 'static {
    /// What the strategy says of itself. Always the same.
    fn manifest() -> Manifest;

    /// The conversation. When it is over the session ends: well, or with an error that sends the call to its default route.
    fn run(call: Call) -> impl Future<Output = Result<()>> + 'static;
}

/// Makes `fn manifest() -> Manifest` and `async fn run(call: Call) -> Result<()>` the strategy of this component.
#[macro_export]
macro_rules! export_flow {
    ($manifest:path, $run:path) => {
        /// The flow of this component.
        struct TandemFlow;

        impl $crate::flow::Flow for TandemFlow {
            fn manifest() -> $crate::Manifest {
                $manifest()
            }

            fn run(call: $crate::flow::Call) -> impl ::core::future::Future<Output = $crate::Result<()>> + 'static {
                $run(call)
            }
        }

        $crate::__export!($crate::flow::Session<TandemFlow>);
    };
}
