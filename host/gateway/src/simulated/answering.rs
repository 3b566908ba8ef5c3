//! Who is rung, who answers, and what an answer ends.

use tandem_queue::{Output, Target};
use tandem_words::{ErrorCode, EventBody, Party, PartyState, Routed};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, Stage};
use super::route::{Place, RingingAgent, Trying};
use super::routing::timed_out;
use super::staff::StaffKey;
use super::treatment::Cut;
use crate::record::CallOutcome;

/// The caller's id among the parties of a call.
const CALLER: &str = "caller";

impl SimulatedSwitch {
    /// Somebody does something with the call, so it is answered, if it was not.
    pub(super) fn pick_up(&mut self, call: &mut Call) {
        if call.stage == Stage::Ringing {
            call.stage = Stage::Connected;
            self.tell_caller(call, PartyState::Connected);
        }
    }

    /// How the caller stands towards the call.
    pub(super) fn tell_caller(&mut self, call: &Call, state: PartyState) {
        let address = call.interaction.calling.clone();
        self.tell_party(call, CALLER, &address, state);
    }

    /// How a target stands towards the call: an agent by name, a number.
    pub(super) fn tell_target(&mut self, call: &Call, who: &str, state: PartyState) {
        self.tell_party(call, who, who, state);
    }

    /// Who is rung for the open route, or is no longer. Whoever talks with the caller already is there all the time.
    pub(super) fn tell_rung(&mut self, call: &Call, who: &str, state: PartyState) {
        if !matches!(&call.stage, Stage::Talking { who: there, .. } if there == who) {
            self.tell_target(call, who, state);
        }
    }

    fn tell_party(&mut self, call: &Call, id: &str, address: &str, state: PartyState) {
        let interaction = call.interaction.id.clone();
        let party = Party { interaction, id: id.to_owned(), address: address.to_owned(), state };
        self.outlet.tell(&call.interaction.id, EventBody::PartyChanged(party));
    }

    /// Does what the rules of agent groups want done.
    pub(super) fn staff_says(&mut self, output: Output<StaffKey>) {
        let key = match &output {
            Output::Offer(offer) => offer.route,
            Output::Withdrawn { route, .. } | Output::TimedOut { route, .. } => *route,
            Output::Answered(answered) => answered.route,
        };
        self.with_call(key.call, |switch, call| {
            let Some(route) = &mut call.route else { return };
            let Trying::Staff { staff_key, ringing } = &mut route.trying else { return };
            if *staff_key != key {
                return;
            }
            match output {
                Output::Offer(offer) => {
                    let target = offer.group.as_ref().unwrap_or(&offer.agent).clone();
                    if offer.group.is_some() {
                        let since = call.queued.as_ref().map_or(switch.now, |(_, since)| *since);
                        call.queued = Some((target.to_string(), since));
                    }
                    switch.ring_agent(call, &offer.agent, &target);
                }
                Output::Withdrawn { agent, .. } => {
                    let rang = ringing.take().is_some();
                    switch.agenda.clear(call.number, Timer::Ring);
                    if rang {
                        switch.tell_rung(call, &agent, PartyState::Left);
                    }
                    // A seized agent who logs out: nobody else is rung for that.
                    if !switch.staff.is_open(key) && !switch.staff.outputs.iter().any(|next| ends(next, key)) {
                        switch.place_failed(call, &Place::Staff(Target::Agent(agent)), ErrorCode::NoAnswer);
                    }
                }
                Output::TimedOut { .. } => switch.end_route(call, timed_out()),
                Output::Answered(answered) => {
                    let target = answered.group.unwrap_or_else(|| answered.agent.clone());
                    switch.connect(call, &target, &answered.agent.clone(), Some(answered.agent));
                }
            }
        });
    }

    /// The agent's phone rings for the call's open route.
    pub(super) fn ring_agent(&mut self, call: &mut Call, agent: &tandem_queue::Name, target: &str) {
        let Some(route) = &mut call.route else { return };
        let Trying::Staff { ringing, .. } = &mut route.trying else { return };
        let after_ms = self.staff.answers_after_ms(agent).filter(|after_ms| *after_ms < route.ring_timeout_ms);
        *ringing = Some(RingingAgent { agent: agent.clone(), target: target.to_owned(), answers: after_ms.is_some() });
        let rings_ms = after_ms.unwrap_or(route.ring_timeout_ms);
        self.agenda.set(call.number, Timer::Ring, self.now.saturating_add(rings_ms));
        self.tell_rung(call, agent, PartyState::Ringing);
    }

    /// Whoever rings answers, or has rung for long enough.
    pub(super) fn ring_is_due(&mut self, call: &mut Call) {
        let now = self.now;
        if let Stage::Calling { .. } = call.stage {
            return self.called_party_is_due(call);
        }
        let Some(route) = &mut call.route else { return };
        match route.trying.clone() {
            Trying::Number { target, number, answers: true } => self.connect(call, &target, &number, None),
            Trying::Number { target, number, answers: false } => {
                self.tell_rung(call, &number, PartyState::Left);
                self.place_failed(call, &Place::Number { target, number }, ErrorCode::NoAnswer);
            }
            Trying::Staff { ringing: Some(RingingAgent { agent, answers: true, .. }), .. } => {
                self.staff.tell(|groups, out| groups.answered(now, &agent, out)).ok();
            }
            Trying::Staff { staff_key, ringing: Some(RingingAgent { agent, target, .. }) } => {
                route.trying = Trying::Staff { staff_key, ringing: None };
                self.tell_rung(call, &agent, PartyState::Left);
                self.staff.tell(|groups, out| groups.not_answered(now, &agent, out)).ok();
                if !self.staff.is_open(staff_key) {
                    let failed = if *target == *agent { Target::Agent(agent) } else { Target::Group(target.into()) };
                    self.place_failed(call, &Place::Staff(failed), ErrorCode::NoAnswer);
                }
            }
            Trying::Staff { ringing: None, .. } | Trying::Nothing => {}
        }
    }

    /// A target has answered: treatments end, the request is answered, the talk begins.
    fn connect(&mut self, call: &mut Call, target: &str, who: &str, agent: Option<tandem_queue::Name>) {
        self.cut_treatments(call, Cut::Routed);
        self.leave_target(call);
        call.stage = Stage::Talking { who: who.to_owned(), agent };
        call.outcome.get_or_insert(CallOutcome::Routed);
        call.answered_by = Some(who.to_owned());
        self.tell_target(call, who, PartyState::Connected);
        if let Some(route) = &mut call.route {
            // Whoever rang has answered.
            route.trying = Trying::Nothing;
        }
        let answer = match &call.route {
            Some(route) if !route.is_transfer => {
                let waited_ms = u32::try_from(self.now.saturating_sub(route.opened_at)).unwrap_or(u32::MAX);
                let interaction = call.interaction.id.clone();
                EventBody::RouteDone(Routed { interaction, target: target.to_owned(), answered_by: who.to_owned(), waited_ms })
            }
            _ => EventBody::Done,
        };
        self.end_route(call, answer);
        self.caller_talks(call);
    }

    /// The call goes on without the target that has it, if one does.
    pub(super) fn leave_target(&mut self, call: &mut Call) {
        self.leave_agent(call);
        call.held = false;
        if let Stage::Talking { who, .. } = &call.stage {
            let who = who.clone();
            self.tell_target(call, &who, PartyState::Left);
        }
    }

    /// The agent who has the call, if one does, is done with it.
    pub(super) fn leave_agent(&mut self, call: &mut Call) {
        if let Stage::Talking { agent: Some(agent), .. } = &call.stage {
            self.staff.call_ended(self.now, agent);
        }
    }
}

/// This output says itself what became of the route.
fn ends(output: &Output<StaffKey>, key: StaffKey) -> bool {
    match output {
        Output::TimedOut { route, .. } => *route == key,
        Output::Answered(answered) => answered.route == key,
        Output::Offer(_) | Output::Withdrawn { .. } => false,
    }
}
