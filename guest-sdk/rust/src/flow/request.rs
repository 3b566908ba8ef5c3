//! An answer to come.

use std::{
    cell::RefCell,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use crate::{Error, EventBody, RequestId, Result, flow::Answer, flow::state::State, imports::control};

/// A request that was made; await it for the answer. Dropped unanswered, a treatment, recording, route, timer or fetch is
/// cancelled; [`detach`](Request::detach) lets it go on.
#[must_use = "a request that is dropped is cancelled: await it, keep it, or `detach` it"]
#[derive(Debug)]
pub struct Request<T> {
    state: Rc<RefCell<State>>,
    id: RequestId,
    kind: Kind,
    before_end: bool,
    open: bool,
    answer: PhantomData<fn() -> T>,
}

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Dropping it cancels it.
    pub cancellable: bool,
    /// Its `gone` means that the call is gone.
    pub on_call: bool,
}

impl<T> Request<T> {
    pub(crate) fn new(state: &Rc<RefCell<State>>, id: RequestId, kind: Kind) -> Self {
        let before_end = {
            let mut state = state.borrow_mut();
            state.open.insert(id, None);
            state.kept.ended.is_none()
        };
        Request { state: Rc::clone(state), id, kind, before_end, open: true, answer: PhantomData }
    }

    /// Its number.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// Lets it go on without you; its answer is not told.
    pub fn detach(mut self) -> RequestId {
        self.open = false;
        self.state.borrow_mut().open.remove(&self.id);
        self.id
    }
}

impl<T: Answer> Future for Request<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<T>> {
        let id = self.id;
        let Some(answer) = self.state.borrow_mut().open.get_mut(&id).map(Option::take) else {
            return Poll::Ready(Err(Error::new(format!("request {id} was awaited after its answer"))));
        };
        let body = match answer {
            Some(event) if !(self.kind.on_call && event.says_gone()) => event.body,
            // How the call ended is told by an event to come, if it has not come yet.
            gone => {
                let mut state = self.state.borrow_mut();
                let end = if gone.is_some() || self.before_end { state.interruption() } else { None };
                state.open.insert(id, gone);
                return end.map_or(Poll::Pending, |end| Poll::Ready(Err(Error::CallEnded(end))));
            }
        };
        self.open = false;
        self.state.borrow_mut().open.remove(&id);
        Poll::Ready(match body {
            EventBody::Failed(failure) => Err(Error::Failed(failure)),
            body => T::of(body).ok_or_else(|| Error::new(format!("request {id} was answered by an event of another kind"))),
        })
    }
}

impl<T> Drop for Request<T> {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let mut state = self.state.borrow_mut();
        let unanswered = state.open.remove(&self.id).is_some_and(|answer| answer.is_none());
        // Outside of a step (the host drops a session) no import may be called.
        if unanswered && self.kind.cancellable && state.in_step {
            control::cancel(self.id);
        }
    }
}
