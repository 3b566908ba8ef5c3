//! How calls end, and how they leave a routing point.
//!
//! An end answers what is open on the call first, and then tells `interaction.deleted`; a caller's hang-up stops treatments
//! as `hang-up`, the strategy's own disconnect as `cancelled`. A call counts as what it came to first: a routed one stays
//! routed, whoever hangs up.

use tandem_words::{Deletion, EndCause, ErrorCode, EventBody, Failure, RequestKey, Routed};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, Stage};
use super::treatment::{Cut, cancelled, gone};
use crate::record::{CallOutcome, Line};

impl SimulatedSwitch {
    /// `routing.disconnect`.
    pub(super) fn disconnect(&mut self, call: &mut Call, key: RequestKey) {
        self.cut_treatments(call, Cut::Cancelled);
        self.end_route(call, cancelled());
        self.outlet.answer(key, Some(&call.interaction.id), EventBody::Done);
        self.end_call(call, EndCause::Strategy);
    }

    /// The caller, or the called party, hangs up.
    pub(super) fn caller_hangs_up(&mut self, call: &mut Call) {
        self.end_call(call, EndCause::CallerHungUp);
    }

    /// Nobody serves a call that a session made ([`Order::HangUp`](crate::port::Order::HangUp)). One that a target has stays.
    pub(super) fn give_up_call(&mut self, call: &mut Call) {
        if call.stage == Stage::Connected {
            self.cut_treatments(call, Cut::Gone);
            self.end_call(call, EndCause::Failed);
        }
    }

    /// The talk with the target, or the default route, is over.
    pub(super) fn talk_is_over(&mut self, call: &mut Call) {
        self.end_call(call, EndCause::AgentHungUp);
    }

    fn end_call(&mut self, call: &mut Call, cause: EndCause) {
        self.cut_treatments(call, Cut::HangUp);
        self.end_route(call, gone());
        self.leave_agent(call);
        call.stage = Stage::Over;
        let interaction = call.interaction.id.clone();
        self.outlet.tell(&interaction, EventBody::InteractionDeleted(Deletion { interaction: interaction.clone(), cause }));
        if call.caller.is_some() {
            let outcome = call.outcome.unwrap_or(match cause {
                EndCause::Strategy => CallOutcome::SelfServed,
                _ => CallOutcome::Abandoned,
            });
            self.counts.count(outcome);
            let (group, queued_at) = call.queued.take().unzip();
            let answered_by = call.answered_by.take();
            self.outlet.record.push(Line::Left { at: self.now, interaction, outcome, answered_by, group, queued_at });
        }
    }

    /// Nobody serves the call ([`Order::DefaultRoute`](crate::port::Order::DefaultRoute)). One that a target has, or that is
    /// on its default route already, stays where it is.
    pub(super) fn default_route(&mut self, call: &mut Call) {
        if !matches!(call.stage, Stage::Ringing | Stage::Connected) {
            return;
        }
        self.cut_treatments(call, Cut::Gone);
        self.end_route(call, gone());
        call.stage = Stage::DefaultRouted;
        call.outcome.get_or_insert(CallOutcome::DefaultRouted);
        self.agenda.clear(call.number, Timer::Press);
        self.agenda.set(call.number, Timer::Talk, self.now.saturating_add(self.options.default_route_ms));
    }

    /// The call's open route leads to another routing point: its visit here is over, the next begins.
    pub(super) fn move_to(&mut self, call: &mut Call, to: String) {
        let moves = if call.moved.0 == self.now { call.moved.1.saturating_add(1) } else { 1 };
        if moves > self.options.limits.moves_at_once {
            let message =
                format!("the call came to {} routing points at this instant, which is the limit; do they route in a circle?", moves - 1);
            return self.end_route(call, EventBody::Failed(Failure::new(ErrorCode::Rejected, message)));
        }
        call.moved = (self.now, moves);
        self.cut_treatments(call, Cut::Routed);
        self.leave_target(call);
        self.agenda.clear(call.number, Timer::Talk);
        call.stage = Stage::Connected;
        let interaction = call.interaction.id.clone();
        let answer = match &call.route {
            Some(route) if !route.is_transfer => {
                let waited_ms = u32::try_from(self.now.saturating_sub(route.opened_at)).unwrap_or(u32::MAX);
                let (interaction, target) = (interaction.clone(), to.clone());
                EventBody::RouteDone(Routed { interaction, answered_by: target.clone(), target, waited_ms })
            }
            _ => EventBody::Done,
        };
        self.end_route(call, answer);
        let deletion = Deletion { interaction: interaction.clone(), cause: EndCause::Moved };
        self.outlet.tell(&interaction, EventBody::InteractionDeleted(deletion));
        call.visit = call.visit.saturating_add(1);
        call.interaction.routing_point = to;
        call.interaction.arrived_at = self.now;
        self.outlet.tell_added(call);
        // The core hears how the call stands as of this visit.
        call.told.condition = None;
    }
}
