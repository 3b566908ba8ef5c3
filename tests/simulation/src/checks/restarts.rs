//! Who starts again after a switchover, and when: only sessions whose call stands as far as their process was told, so many in a
//! cycle and no more, none late, and new calls not behind them.

use std::collections::{BTreeMap, BTreeSet};

use tandem_journal::{Claim, Ending, Survival};
use tandem_node::RestartOptions;
use tandem_switch_link::{GatewayFrame, GatewayMessage, InteractionState};
use tandem_words::{EventBody, InteractionId, Restart, RestartCause, SessionId, Visit};

use super::{Checked, holds, journal::Journal, switch::Switch};
use crate::agenda::Process;

/// How late a cycle may begin, or a new call be served, in a process that nothing disturbs, µs: its threads take some ms each.
const LATE_US: u64 = 100_000;

type Call = (InteractionId, Visit);

/// What one process was told in its epoch.
#[derive(Debug, Default)]
struct Told {
    states: BTreeMap<Call, InteractionState>,
    /// Visits that have ended since.
    over: BTreeSet<Call>,
    /// When new visits were told, µs.
    added: BTreeMap<Call, u64>,
    reconciled_us: Option<u64>,
    /// When something last kept it from going on, µs.
    disturbed_us: Option<u64>,
    /// The last cycle of each timeout: when, and how many.
    cycles: BTreeMap<u64, (u64, usize)>,
    clock_jumped: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Restarts {
    options: RestartOptions,
    told: BTreeMap<Process, Told>,
}

impl Restarts {
    pub(super) fn new(options: RestartOptions) -> Restarts {
        Restarts { options, told: BTreeMap::new() }
    }

    /// It has taken a lease.
    pub(super) fn begins(&mut self, process: Process) {
        self.told.insert(process, Told::default());
    }

    /// It slept, a thread of it stands still, its clock jumped, or its connection is lost.
    pub(super) fn disturbed(&mut self, process: Process, now_us: u64, clock_jumped: bool) {
        if let Some(told) = self.told.get_mut(&process) {
            told.disturbed_us = told.disturbed_us.max(Some(now_us));
            told.clock_jumped |= clock_jumped;
        }
    }

    /// Whether nothing kept it from going on since then.
    pub(super) fn is_undisturbed(&self, process: Process, since_us: u64) -> bool {
        self.told.get(&process).is_none_or(|told| told.disturbed_us < Some(since_us))
    }

    /// Its node's thread takes up a frame of the gateway.
    pub(super) fn told(&mut self, process: Process, frame: &GatewayFrame, now_us: u64, switch: &Switch) {
        let told = self.told.entry(process).or_default();
        for message in &frame.messages {
            match message {
                GatewayMessage::Reconciled { interactions, more, .. } => {
                    let visits = interactions.iter().filter_map(|(held, state)| Some(((held.id.clone(), held.visit?), *state)));
                    told.states.extend(visits);
                    if !more {
                        told.reconciled_us = Some(now_us);
                    }
                }
                GatewayMessage::Event(event) => match &event.body {
                    EventBody::InteractionAdded(added) => {
                        let call = event.visit.map(|visit| (added.id.clone(), visit));
                        if let Some(call) = call.filter(|call| !told.states.contains_key(call)) {
                            told.added.entry(call).or_insert(now_us);
                        }
                    }
                    EventBody::InteractionDeleted(deletion) => told.ends(&deletion.interaction, event.position, switch),
                    EventBody::InteractionDefaultRouted(call) | EventBody::InteractionNotControlled(call) => {
                        told.ends(call, event.position, switch);
                    }
                    _ => {}
                },
                _ => {}
            }
        }
    }

    /// These start again now.
    pub(super) fn restarted(
        &mut self,
        process: Process,
        sessions: &[(SessionId, Restart)],
        now_us: u64,
        (journal, fully): (&Journal, bool),
    ) -> Checked {
        let told = self.told.entry(process).or_default();
        let mut cycles: BTreeMap<u64, usize> = BTreeMap::new();
        for (session, restart) in sessions {
            let book = journal.session(*session).filter(|book| !book.ended);
            let book = book.filter(|book| book.opening.survival == Survival::Restarted);
            let Some(book) = book else {
                return holds("P7", false, || format!("{session} starts again, and it is over, unknown, or none of those that do"));
            };
            let timeout_ms = self.options.timeouts_ms.get(&book.opening.strategy).unwrap_or(&self.options.timeout_ms);
            *cycles.entry(*timeout_ms).or_default() += 1;
            let uncertain = restart.cause == RestartCause::Uncertain;
            holds("P7", !(uncertain && fully), || format!("{session} starts again as uncertain, and its copy had everything"))?;
            if let Some(Claim::Visit { interaction, visit, .. }) = &book.opening.claim {
                let call = (InteractionId::from(interaction.as_str()), *visit);
                let state = told.states.get(&call).copied();
                let stands = match state {
                    Some(InteractionState::AtRoutingPoint) => true,
                    // Somebody has it, and whether the session still had a word in it nobody knows.
                    Some(InteractionState::Connected) => !uncertain,
                    Some(InteractionState::DefaultRouted | InteractionState::Gone) | None => false,
                };
                let ended = told.over.contains(&call);
                holds("P7", stands && !ended, || {
                    format!("{session} starts again ({restart:?}), and of its call {interaction} was told: {state:?}, ended {ended}")
                })?;
            }
        }
        cycles.into_iter().try_for_each(|(timeout_ms, count)| told.cycle(timeout_ms, count, self.options.quota, now_us))
    }

    /// A session that would start again is over instead.
    pub(super) fn not_restarted(&self, process: Process, ending: &Ending, journal: &Journal) -> Checked {
        let session = ending.session;
        let Some(book) = journal.session(session).filter(|book| book.opening.survival == Survival::Restarted) else { return Ok(()) };
        let Some(Claim::Visit { interaction, visit, .. }) = &book.opening.claim else { return Ok(()) };
        let call = (InteractionId::from(interaction.as_str()), *visit);
        let Some(told) = self.told.get(&process) else { return Ok(()) };
        let stands = told.states.get(&call) == Some(&InteractionState::AtRoutingPoint) && !told.over.contains(&call);
        // A later visit of the call is another session's.
        let moved = told.states.keys().any(|(id, other)| *id == call.0 && other > visit);
        holds("P9", !stands || moved, || format!("{session} is not started again, and its call {interaction} stands at its routing point"))
    }

    /// The session of a new call hears of it for the first time.
    pub(super) fn served(&mut self, process: Process, call: Call, now_us: u64) -> Checked {
        let Some(told) = self.told.get_mut(&process) else { return Ok(()) };
        let Some(since_us) = told.added.remove(&call) else { return Ok(()) };
        let late_us = now_us.saturating_sub(since_us);
        holds("restarts", late_us <= LATE_US || told.disturbed_us >= Some(since_us), || {
            format!("{process:?} was told of call {} and its session heard of it {late_us} µs later", call.0)
        })
    }
}

impl Told {
    fn ends(&mut self, call: &InteractionId, position: u64, switch: &Switch) {
        self.over.extend(switch.visit_at(call, position).map(|visit| (call.clone(), visit)));
    }

    fn cycle(&mut self, timeout_ms: u64, count: usize, quota: usize, now_us: u64) -> Checked {
        let say = |what: String| format!("{count} sessions start again in one cycle of {timeout_ms} ms; {what}");
        holds("restarts", count <= quota, || say(format!("the quota is {quota}")))?;
        let before = self.cycles.insert(timeout_ms, (now_us, count));
        let since_us = before.map(|(at_us, _)| at_us).or(self.reconciled_us).unwrap_or(now_us);
        let passed_us = now_us.saturating_sub(since_us);
        if let Some((_, last)) = before {
            // The clock of the process counts whole ms.
            let early = passed_us + 1_000 < timeout_ms * 1_000 && !self.clock_jumped;
            holds("restarts", !early, || say(format!("the one before began only {passed_us} µs ago")))?;
            holds("restarts", last == quota, || say(format!("the one before had only {last} although more were waiting")))?;
        }
        let allowed_us = LATE_US + before.map_or(0, |_| timeout_ms * 1_000);
        let late = passed_us > allowed_us && self.disturbed_us < Some(since_us);
        holds("restarts", !late, || say(format!("nothing happened for {passed_us} µs before, and they were waiting")))
    }
}
