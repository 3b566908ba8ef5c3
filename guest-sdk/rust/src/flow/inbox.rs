//! Waiting for events that answer nothing: digits, messages, the end of the call.

use std::{
    cell::RefCell,
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use crate::{CallEnd, Error, Event, Result, flow::state::State};

/// What a future takes out of an event, given the call's id; none: the event is for another.
pub(crate) type Take<T> = fn(&Event, Option<&str>) -> Option<T>;

/// The next unread event of a kind.
#[must_use = "nothing is read until it is awaited"]
#[derive(Debug)]
pub struct Received<T> {
    state: Rc<RefCell<State>>,
    take: Take<T>,
    interruptible: bool,
}

impl<T> Received<T> {
    /// `after_call`: it may still come once the call is over.
    pub(crate) fn new(state: &Rc<RefCell<State>>, take: Take<T>, after_call: bool) -> Self {
        let interruptible = !after_call || state.borrow().kept.ended.is_none();
        Received { state: Rc::clone(state), take, interruptible }
    }
}

impl<T> Future for Received<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<T>> {
        let state = &mut *self.state.borrow_mut();
        let call = state.kept.call.as_deref();
        let found = state.kept.inbox.iter().enumerate().find_map(|(index, event)| Some((index, (self.take)(event, call)?)));
        if let Some((index, taken)) = found {
            state.kept.inbox.remove(index);
            return Poll::Ready(Ok(taken));
        }
        let end = if self.interruptible { state.interruption() } else { None };
        end.map_or(Poll::Pending, |end| Poll::Ready(Err(Error::CallEnded(end))))
    }
}

/// The end of the call. While it is awaited, the end interrupts nothing else before it.
#[must_use = "it does nothing until it is awaited"]
#[derive(Debug)]
pub struct HungUp(pub(crate) Rc<RefCell<State>>);

impl Future for HungUp {
    type Output = CallEnd;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<CallEnd> {
        let mut state = self.0.borrow_mut();
        match state.kept.ended {
            Some(end) => Poll::Ready(end),
            None => {
                state.watched = Some(state.round);
                Poll::Pending
            }
        }
    }
}
