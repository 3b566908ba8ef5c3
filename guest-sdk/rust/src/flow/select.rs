//! Waiting for several things at once, in a fixed order, so that a replay decides alike.

use std::{
    convert::Infallible,
    future::{Future, pending, poll_fn},
    pin::pin,
    task::Poll,
};

/// Waits for the first of several futures, in the order written; the others are dropped, which cancels their requests, before
/// the chosen block runs. To keep one for later, write `&mut future`.
///
/// ```
/// # use tandem_sdk::prelude::*;
/// # async fn ask(call: &Call) -> Result<Option<char>> {
/// select! {
///     key = call.digit() => Ok(Some(key?)),
///     _ = call.sleep(Duration::from_secs(5)) => Ok(None),
///     end = call.hung_up() => {
///         call.log(Level::Info, format_args!("{end:?}"));
///         Ok(None)
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)+) => { $crate::__select!(@read [] $($branches)+) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    // Reads the branches into a list of (pattern) (future) (body).
    (@read [$($list:tt)*] $p:pat = $f:expr => $b:block $(, $($rest:tt)*)?) => {
        $crate::__select!(@read [$($list)* (($p) ($f) ($b))] $($($rest)*)?)
    };
    (@read [$($list:tt)*] $p:pat = $f:expr => $b:block $($rest:tt)+) => {
        $crate::__select!(@read [$($list)* (($p) ($f) ($b))] $($rest)+)
    };
    (@read [$($list:tt)*] $p:pat = $f:expr => $b:expr $(, $($rest:tt)*)?) => {
        $crate::__select!(@read [$($list)* (($p) ($f) ($b))] $($($rest)*)?)
    };
    (@read [$($list:tt)*]) => { $crate::__select!(@match [$($list)*] [] [] $($list)*) };

    // Gives each branch its arm; the second brackets count how many branches stand before it.
    (@match [$($list:tt)*] [$($arms:tt)*] [$($n:tt)*] (($p:pat) ($f:expr) ($b:expr)) $($rest:tt)*) => {
        $crate::__select!(@match [$($list)*] [$($arms)* ([$($n)*] $p, $b)] [$($n)* +] $($rest)*)
    };
    (@match [$($list:tt)*] [$(([$($before:tt)*] $p:pat, $b:expr))*] [$($n:tt)*]) => {
        match $crate::__select!(@race $($list)*).await {
            $($crate::__select!(@arm [$($before)*] $p) => $b,)*
            $crate::__select!(@last [$($n)*] never) => match never {},
        }
    };

    (@race) => { $crate::flow::nothing() };
    (@race (($p:pat) ($f:expr) ($b:expr)) $($rest:tt)*) => { $crate::flow::race($f, $crate::__select!(@race $($rest)*)) };

    (@arm [] $p:pat) => { $crate::flow::Either::First($p) };
    (@arm [+ $($n:tt)*] $p:pat) => { $crate::flow::Either::Rest($crate::__select!(@arm [$($n)*] $p)) };
    (@last [] $never:ident) => { $never };
    (@last [+ $($n:tt)*] $never:ident) => { $crate::flow::Either::Rest($crate::__select!(@last [$($n)*] $never)) };
}

/// Which of two came first.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first one.
    First(A),
    /// One of those after it.
    Rest(B),
}

/// The first of two, `a` before `b`.
pub async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|context| match a.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Either::First(output)),
        Poll::Pending => b.as_mut().poll(context).map(Either::Rest),
    })
    .await
}

/// Never comes.
pub async fn nothing() -> Infallible {
    pending().await
}

/// Waits for both, polling `a` before `b`; nest it for more.
pub async fn join<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(context)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}
