//! One instance of a component, with its sessions.

use std::{collections::HashMap, sync::Arc};

use tandem_journal::StepFailureKind;
use tandem_session::{Draft, Effort, GuestFailure, Next};
use tandem_words::{Context, Event, Manifest, SessionId};
use wasmtime::{Store, UpdateDeadline, component::ResourceAny};

use crate::{
    Engine,
    bindings::RoutingStrategy,
    convert,
    engine::PlaceTaken,
    failure,
    host_side::{HostSide, Tick},
    strategy::Code,
};

/// Handles of a store beyond those of its sessions: each session may be lent once, and guests may have resources of WASI.
const SPARE_HANDLES: usize = 10_000;

/// Why there is no instance.
pub(crate) enum OpenError {
    /// The component's exports are not those of the contract.
    Shape(wasmtime::Error),
    /// Anything else.
    Failure(GuestFailure),
}

/// See the module. After a trap it is dead: nothing in it can be called any more.
pub(crate) struct Cell {
    store: Store<HostSide>,
    guest: RoutingStrategy,
    label: Arc<str>,
    sessions: HashMap<SessionId, ResourceAny>,
    dead: bool,
    _place: PlaceTaken,
}

impl Cell {
    /// `own`: for one session only.
    pub(crate) fn open(engine: &Engine, code: &Code, own: bool, tick: Tick) -> Result<Self, OpenError> {
        let limits = engine.limits();
        let place = engine.place(own).ok_or_else(|| {
            let message = format!(
                "{}: the process has {} instances and may have no more of this kind ({} in all, EngineLimits::instances, fixed in this release); deploy fewer \
                 versions, or have the strategy share its instances (isolation: shared)",
                code.label,
                engine.instances(),
                limits.instances
            );
            OpenError::Failure(GuestFailure { kind: StepFailureKind::Limit, message, instance_died: false })
        })?;
        let mut store = Store::new(engine.wasmtime(), HostSide::new(code.label.clone(), *limits, tick));
        store.limiter(|host| &mut host.memory);
        store.set_hostcall_fuel(limits.transfer_bytes);
        store.set_max_component_handles(limits.cell_sessions.saturating_mul(2).saturating_add(SPARE_HANDLES));
        store.epoch_deadline_callback(|mut store| {
            store.data_mut().tick()?;
            Ok(UpdateDeadline::Continue(1))
        });
        store.set_epoch_deadline(1);
        store.data_mut().begin("instantiation");
        let instance = code.instances.instantiate(&mut store);
        store.data_mut().end();
        let instance =
            instance.map_err(|error| OpenError::Failure(failure::of_instance(&code.label, "instantiation", &error, store.data_mut())))?;
        let guest = code.exports.load(&mut store, &instance).map_err(OpenError::Shape)?;
        Ok(Cell { store, guest, label: code.label.clone(), sessions: HashMap::new(), dead: false, _place: place })
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whether one more session may come.
    pub(crate) fn has_room(&self, sessions: usize) -> bool {
        !self.dead && self.sessions.len() < sessions && self.store.data().memory.has_room()
    }

    pub(crate) fn into_sessions(self) -> impl Iterator<Item = SessionId> {
        self.sessions.into_keys()
    }

    pub(crate) fn describe(&mut self) -> Result<Manifest, GuestFailure> {
        self.store.data_mut().begin("describe");
        self.store.set_epoch_deadline(1);
        let result = self.guest.tandem_strategy_strategy().call_describe(&mut self.store);
        self.ended("describe", result).1.map(convert::manifest)
    }

    pub(crate) fn start(&mut self, context: &Context, effort: Effort) -> Result<(), GuestFailure> {
        self.store.data_mut().begin_with("start", context, effort);
        self.store.set_epoch_deadline(1);
        let result = self.guest.tandem_strategy_strategy().session().call_start(&mut self.store, &convert::context(context));
        self.take_in("start", context, result)
    }

    pub(crate) fn restore(&mut self, context: &Context, state: &[u8], state_version: u32, effort: Effort) -> Result<(), GuestFailure> {
        self.store.data_mut().begin_with("restore", context, effort);
        self.store.set_epoch_deadline(1);
        let session = self.guest.tandem_strategy_strategy().session();
        let result = session.call_restore(&mut self.store, &convert::context(context), state, state_version);
        self.take_in("restore", context, result)
    }

    pub(crate) fn on_event(
        &mut self,
        session: SessionId,
        event: &Event,
        draft: Draft,
        effort: Effort,
    ) -> (Draft, Result<Next, GuestFailure>) {
        let Some(resource) = self.sessions.get(&session).copied() else { return (draft, Err(unknown(&self.label, session))) };
        self.store.data_mut().begin_step(session, event, draft, effort);
        self.store.set_epoch_deadline(1);
        let event = convert::event(event);
        let result = self.guest.tandem_strategy_strategy().session().call_on_event(&mut self.store, resource, &event);
        let (draft, result) = self.ended("on-event", result);
        let Some(draft) = draft else { unreachable!("a step's draft stays with its instance until the call has ended") };
        (draft, result.and_then(|answer| self.answer("on-event", answer)).map(convert::next))
    }

    pub(crate) fn snapshot(&mut self, session: SessionId) -> Result<Option<Vec<u8>>, GuestFailure> {
        let Some(resource) = self.sessions.get(&session).copied() else { return Err(unknown(&self.label, session)) };
        self.store.data_mut().begin_for("snapshot", session);
        self.store.set_epoch_deadline(1);
        let result = self.guest.tandem_strategy_strategy().session().call_snapshot(&mut self.store, resource);
        self.ended("snapshot", result).1
    }

    /// Drops a session. Its destructor may trap; then the instance is dead.
    pub(crate) fn remove(&mut self, session: SessionId) {
        let Some(resource) = self.sessions.remove(&session) else { return };
        self.store.data_mut().begin_for("drop", session);
        self.store.set_epoch_deadline(1);
        let result = resource.resource_drop(&mut self.store);
        if let (_, Err(failure)) = self.ended("drop", result) {
            tracing::warn!(%session, "{failure}");
        }
    }

    fn take_in(
        &mut self,
        call: &str,
        context: &Context,
        result: wasmtime::Result<Result<ResourceAny, String>>,
    ) -> Result<(), GuestFailure> {
        let answer = self.ended(call, result).1?;
        let resource = self.answer(call, answer)?;
        self.sessions.insert(context.session_id, resource);
        Ok(())
    }

    /// A call has ended: whatever was not the guest's own answer has killed the instance.
    fn ended<R>(&mut self, call: &str, result: wasmtime::Result<R>) -> (Option<Draft>, Result<R, GuestFailure>) {
        let host = self.store.data_mut();
        let draft = host.end();
        let result = result.map_err(|error| failure::of_instance(&self.label, call, &error, host));
        self.dead |= result.is_err();
        (draft, result)
    }

    fn answer<R>(&self, call: &str, answer: Result<R, String>) -> Result<R, GuestFailure> {
        answer.map_err(|text| failure::of_author(&self.label, call, text))
    }
}

fn unknown(label: &str, session: SessionId) -> GuestFailure {
    GuestFailure {
        kind: StepFailureKind::Unavailable,
        message: format!("{label}: session {session} is not in memory; it has to be started or restored first"),
        instance_died: false,
    }
}
