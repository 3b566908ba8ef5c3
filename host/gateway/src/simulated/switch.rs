//! The switch as a whole: orders in, reports out, and time.

use std::collections::{BTreeMap, VecDeque};

use tandem_words::{Interaction, InteractionId, Property, RequestBody, RequestKey, Timestamp};

use super::Options;
use super::agenda::{Agenda, Timer};
use super::call::{Call, CallNumber, Stage};
use super::caller::Caller;
use super::callers::CallerPlan;
use super::outlet::Outlet;
use super::staff::Staff;
use super::status::Counts;
use super::treatment::cancelled;
use crate::port::{Found, Order, Report, Survey, Switch};
use crate::record::Line;

/// A PBX in virtual time. It never reads a clock: whatever is done to it is done at the time given, which never goes back
/// (an earlier time counts as the latest one seen). The same inputs give the same reports and lines.
///
/// Reports carry no time: a driver that wants each at its own goes from [`Switch::next_due`] to [`Switch::next_due`].
#[derive(Debug)]
pub struct SimulatedSwitch {
    pub(super) options: Options,
    pub(super) now: Timestamp,
    /// Who is to call, in order of time and number.
    pub(super) callers: VecDeque<CallerPlan>,
    pub(super) next_caller: u32,
    pub(super) outbound_calls: u64,
    pub(super) calls: BTreeMap<CallNumber, Box<Call>>,
    pub(super) by_id: BTreeMap<InteractionId, CallNumber>,
    pub(super) agenda: Agenda,
    pub(super) staff: Staff,
    pub(super) outlet: Outlet,
    pub(super) counts: Counts,
}

impl SimulatedSwitch {
    /// With these callers, in any order, at switch time `now`: agents whose duty has begun are there, callers come with the
    /// first `advance`. The error names an agent or group over the limits.
    pub fn new(options: Options, mut callers: Vec<CallerPlan>, now: Timestamp) -> Result<Self, tandem_queue::Error> {
        callers.sort_by_key(|caller| (caller.arrive_at_ms, caller.number));
        let mut staff = Staff::new(&options)?;
        staff.advance(now);
        Ok(SimulatedSwitch {
            now,
            next_caller: callers.iter().map(|caller| caller.number).max().unwrap_or(0).saturating_add(1),
            callers: callers.into(),
            outbound_calls: 0,
            calls: BTreeMap::new(),
            by_id: BTreeMap::new(),
            agenda: Agenda::default(),
            staff,
            outlet: Outlet::default(),
            counts: Counts::default(),
            options,
        })
    }

    /// Calls to come get ids that begin so; see [`Options::id_prefix`].
    pub fn begin_ids_with(&mut self, prefix: String) {
        self.options.id_prefix = prefix;
    }

    /// Nobody calls any more who has not called yet: the run ends once the live calls are over.
    pub fn stop_arrivals(&mut self) {
        self.callers.clear();
    }

    /// Takes the call out for the time of `act`, so that the whole switch can be used meanwhile; tells its new state after.
    pub(super) fn with_call<T>(&mut self, number: CallNumber, act: impl FnOnce(&mut Self, &mut Call) -> T) -> Option<T> {
        let mut call = self.calls.remove(&number)?;
        let result = act(self, &mut call);
        self.outlet.tell_state(&mut call, self.now);
        if call.stage == Stage::Over {
            self.agenda.forget(number);
            self.by_id.remove(&call.interaction.id);
        } else {
            self.calls.insert(number, call);
        }
        Some(result)
    }

    pub(super) fn add_call(&mut self, mut call: Call) {
        self.outlet.tell_state(&mut call, self.now);
        self.by_id.insert(call.interaction.id.clone(), call.number);
        self.calls.insert(call.number, Box::new(call));
    }

    /// A call comes to a routing point; none: the switch is full, or has no such routing point, or the caller has a call.
    pub(super) fn arrive(&mut self, caller: Caller, calling: String, dials: String, user_data: Vec<Property>) -> Option<InteractionId> {
        let number = CallNumber::from(caller.number);
        let full = self.calls.len() >= self.options.limits.live_calls;
        if full || self.calls.contains_key(&number) || !self.options.routing_points.contains_key(&dials) {
            self.counts.rejected += 1;
            return None;
        }
        self.counts.arrived += 1;
        let id = InteractionId::from(format!("{}{}", self.options.id_prefix, caller.number));
        let interaction = Interaction { user_data, ..Interaction::arriving(id.clone(), calling, dials.clone(), self.now) };
        let caller_number = caller.number;
        let call = Call::new(number, interaction, Stage::Ringing, Some(caller));
        let line = Line::Arrived { at: self.now, interaction: id.clone(), caller: caller_number, routing_point: dials };
        self.outlet.record.push(line);
        self.outlet.tell_added(&call);
        self.add_call(call);
        Some(id)
    }

    fn apply(&mut self, key: RequestKey, body: RequestBody, route: Option<RequestKey>) {
        match body {
            RequestBody::SetPriority { priority, .. } => self.set_priority(key, route, priority),
            RequestBody::QueryGroup { group } => self.query_group(key, &group),
            RequestBody::CreateCall(asked) => self.create_call(key, asked),
            body => match body.interaction().map(|interaction| self.by_id.get(interaction).copied()) {
                None => self.refuse_unsupported(key, &body),
                Some(None) => self.refuse_gone(key, &body),
                Some(Some(number)) => {
                    self.with_call(number, |switch, call| switch.apply_to(call, key, body));
                }
            },
        }
    }

    fn apply_to(&mut self, call: &mut Call, key: RequestKey, body: RequestBody) {
        if !call.is_servable() {
            return self.refuse_gone(key, &body);
        }
        match body {
            RequestBody::Route(asked) => self.route(call, key, asked),
            RequestBody::Transfer { to, .. } => self.transfer(call, key, &to),
            RequestBody::Disconnect { .. } => self.disconnect(call, key),
            RequestBody::Attach { data, .. } => self.change_data(call, key, data, Vec::new()),
            RequestBody::DeleteUserData { keys, .. } => self.change_data(call, key, Vec::new(), keys),
            treatment => self.treat(call, key, treatment),
        }
    }

    fn cancel(&mut self, key: RequestKey) {
        let Some(number) = self.outlet.open_on(&key) else { return };
        self.with_call(number, |switch, call| {
            if matches!(call.stage, Stage::Calling { .. }) {
                switch.give_up_calling(call, cancelled());
            } else if call.route.as_ref().is_some_and(|route| route.key == key) {
                switch.end_route(call, cancelled());
            } else {
                switch.cancel_treatment(call, key);
            }
        });
    }

    fn happen(&mut self, number: CallNumber, timer: Timer) {
        self.with_call(number, |switch, call| match timer {
            Timer::Press => switch.next_press_is_due(call),
            Timer::Treatment => switch.treatment_is_due(call),
            Timer::Ring => switch.ring_is_due(call),
            Timer::Route => switch.route_times_out(call),
            Timer::Talk => switch.talk_is_over(call),
            Timer::Patience | Timer::HangUp => switch.caller_hangs_up(call),
        });
    }

    /// Does everything that is due by now, and everything that the rules of agent groups want done.
    fn settle(&mut self, now: Timestamp) {
        loop {
            if let Some(output) = self.staff.outputs.pop_front() {
                self.staff_says(output);
                continue;
            }
            let Some(at) = self.next_due().filter(|at| *at <= now) else { return };
            self.now = self.now.max(at);
            if self.staff.next_due().is_some_and(|due| due <= at) {
                self.staff.advance(self.now);
            } else if let Some((number, timer)) = self.agenda.take_due(at) {
                self.happen(number, timer);
            } else if let Some(plan) = self.callers.pop_front() {
                self.call_as_planned(plan);
            }
        }
    }
}

impl Switch for SimulatedSwitch {
    fn order(&mut self, now: Timestamp, order: Order) {
        self.advance(now);
        match order {
            Order::Apply { key, body, route } => self.apply(key, body, route),
            Order::Cancel { key } => self.cancel(key),
            Order::DefaultRoute { interaction, .. } => {
                if let Some(&number) = self.by_id.get(&interaction) {
                    self.with_call(number, |switch, call| switch.default_route(call));
                }
            }
            Order::HangUp { interaction } => {
                if let Some(&number) = self.by_id.get(&interaction) {
                    self.with_call(number, |switch, call| switch.give_up_call(call));
                }
            }
        }
        self.advance(now);
    }

    fn advance(&mut self, now: Timestamp) {
        self.settle(now.max(self.now));
        self.now = self.now.max(now);
    }

    fn next_due(&self) -> Option<Timestamp> {
        let arrival = self.callers.front().map(|caller| caller.arrive_at_ms);
        arrival.into_iter().chain(self.agenda.next_due()).chain(self.staff.next_due()).min()
    }

    fn drain_reports(&mut self) -> Vec<Report> {
        std::mem::take(&mut self.outlet.reports)
    }

    fn drain_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.outlet.record)
    }

    fn is_over(&self) -> bool {
        self.callers.is_empty() && self.calls.is_empty()
    }

    fn survey(&self) -> Survey {
        let found = |call: &Call| {
            let condition = call.told.condition?;
            let visit = call.caller.is_some().then_some(call.visit);
            Some(Found { interaction: call.interaction.clone(), visit, condition })
        };
        let awaited = |(key, number)| {
            let call = self.calls.get(&number);
            let call =
                call.filter(|call| call.told.condition.is_some() && call.treatments.music.as_ref().is_none_or(|music| music.key != key));
            (key, call.map(|call| call.interaction.id.clone()))
        };
        Survey { calls: self.calls.values().filter_map(|call| found(call)).collect(), open: self.outlet.all_open().map(awaited).collect() }
    }
}
