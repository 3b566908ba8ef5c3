//! One session of a flow: hands events in, polls, and begins again at checkpoints.

use std::{
    cell::RefCell,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Poller, Poll, Wake, Waker},
};

use crate::{
    Context, Error, Event, Host, Manifest, Next, Result, component,
    flow::{
        Call, Flow,
        state::{Kept, State},
    },
    imports::timers,
    saved,
};

/// Polls of a flow in one step; more means that it wakes itself without end.
const MAX_POLLS: u32 = 10_000;

/// One session of a flow.
pub struct Session<F> {
    host: Rc<Host>,
    state: Rc<RefCell<State>>,
    run: RefCell<Run>,
    flow: PhantomData<F>,
}

enum Run {
    /// Until the first event, and after a checkpoint.
    Before,
    Running(Pin<Box<dyn Future<Output = Result<()>>>>),
    Over,
}

/// Wakes come from within the step (channels between joined futures): a flag is enough.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<F: Flow> Session<F> {
    fn new(context: Context, state: State) -> Self {
        let host = Rc::new(Host::new(context, state.kept.call.clone()));
        Session { host, state: Rc::new(RefCell::new(state)), run: RefCell::new(Run::Before), flow: PhantomData }
    }

    fn step(&self, event: Event) -> Result<Next> {
        let mut run = self.run.try_borrow_mut()?;
        let ready = self.state.borrow_mut().deliver(event) && self.state.borrow().kept.kick.is_none();
        if matches!(*run, Run::Before) && ready {
            *run = Run::Running(Box::pin(F::run(Call::new(&self.host, &self.state))));
        }
        let output = match &mut *run {
            Run::Before => return Ok(Next::Wait),
            Run::Over => return Ok(Next::Finish),
            Run::Running(future) => self.poll(future.as_mut())?,
        };
        let asked = self.state.borrow_mut().checkpoint.take();
        match (output, asked) {
            (Some(result), _) => {
                *run = Run::Over;
                match result {
                    Err(error) if !error.is_call_ended() => Err(error),
                    _ => Ok(Next::Finish),
                }
            }
            (None, Some(state)) => {
                // Dropping the old run cancels what it held, within this step. The new one must not ask for anything before
                // the snapshot was taken: a timer gives it an event of its own to begin with.
                *run = Run::Before;
                let mut shared = self.state.borrow_mut();
                shared.resumed = Some(state);
                shared.kept.kick = Some(timers::after(1));
                Ok(Next::Checkpoint)
            }
            (None, None) => Ok(Next::Wait),
        }
    }

    /// Polls until nothing more happens in this step. None: it waits.
    fn poll(&self, mut future: Pin<&mut (dyn Future<Output = Result<()>> + 'static)>) -> Result<Option<Result<()>>> {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut poller = Poller::from_waker(&waker);
        for _ in 0..MAX_POLLS {
            self.state.borrow_mut().round += 1;
            if let Poll::Ready(result) = future.as_mut().poll(&mut poller) {
                return Ok(Some(result));
            }
            let mut state = self.state.borrow_mut();
            let again = std::mem::take(&mut state.again) | woken.0.swap(false, Ordering::Relaxed);
            if !again || state.checkpoint.is_some() {
                return Ok(None);
            }
        }
        Err(Error::new(format!("the flow woke itself {MAX_POLLS} times in one step; does it wait in a loop that is always ready?")))
    }
}

impl<F: Flow> component::Session for Session<F> {
    fn manifest() -> Manifest {
        F::manifest()
    }

    fn start(context: Context) -> Result<Self> {
        Ok(Session::new(context, State::default()))
    }

    fn handle(&self, event: Event) -> Result<Next> {
        self.host.begin(&event);
        self.state.borrow_mut().in_step = true;
        let next = self.step(event);
        self.state.borrow_mut().in_step = false;
        next
    }

    /// Only a checkpoint can be saved, until the flow begins again from it.
    fn save(&self) -> Option<Vec<u8>> {
        let state = self.state.borrow();
        match (&state.resumed, state.kept.kick) {
            (Some(resumed), Some(_)) => saved::join(&state.kept, resumed.as_bytes()).ok(),
            _ => None,
        }
    }

    fn restore(context: Context, state: &[u8], state_version: u32) -> Result<Self> {
        let expected = F::manifest().state_version;
        if state_version != expected {
            return Err(Error::new(format!("a checkpoint of version {state_version} cannot be read by version {expected}")));
        }
        let (kept, resumed) = saved::split::<Kept>(state)?;
        let resumed = Some(String::from_utf8(resumed.to_vec())?);
        Ok(Session::new(context, State { kept, resumed, ..State::default() }))
    }
}
