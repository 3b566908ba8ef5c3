//! Calls that strategies make: `routing.create-call`.
//!
//! It becomes an interaction when it is answered. The called party listens, presses nothing, waits for
//! a target for [`Options::called_waits_ms`](super::Options::called_waits_ms), and talks with it for
//! [`Options::called_talks_ms`](super::Options::called_talks_ms). It is at no routing point, and counts as no caller.

use tandem_words::{CreateCall, Direction, ErrorCode, EventBody, Failure, Interaction, InteractionId, Media, RequestKey};

use super::SimulatedSwitch;
use super::agenda::Timer;
use super::call::{Call, FIRST_OUTBOUND, Stage};
use super::options::NumberAnswers;

impl SimulatedSwitch {
    pub(super) fn create_call(&mut self, key: RequestKey, asked: CreateCall) {
        let answers = self.options.numbers.get(&asked.to).copied();
        let ring_timeout_ms = if asked.ring_timeout_ms == 0 { self.options.ring_timeout_ms } else { u64::from(asked.ring_timeout_ms) };
        let after_ms = match answers.unwrap_or(NumberAnswers::After(self.options.called_answers_after_ms)) {
            NumberAnswers::Busy => return self.refuse_call(key, ErrorCode::Busy, format!("`{}` is in use", asked.to)),
            NumberAnswers::After(after_ms) => Some(after_ms).filter(|after_ms| *after_ms < ring_timeout_ms),
            NumberAnswers::Never => None,
        };
        if self.calls.len() >= self.options.limits.live_calls {
            let message = "the switch is full; raise `live_calls` or wait until calls end";
            return self.refuse_call(key, ErrorCode::OverLimit, message);
        }
        self.outbound_calls += 1;
        let number = FIRST_OUTBOUND + self.outbound_calls;
        let id = InteractionId::from(format!("{}out-{}", self.options.id_prefix, self.outbound_calls));
        let interaction = Interaction {
            id: id.clone(),
            root: id,
            media: Media::Voice,
            direction: Direction::Outbound,
            calling: asked.calling,
            called: asked.to,
            routing_point: String::new(),
            arrived_at: self.now,
            user_data: Vec::new(),
        };
        self.outlet.open(key, number);
        self.agenda.set(number, Timer::Ring, self.now.saturating_add(after_ms.unwrap_or(ring_timeout_ms)));
        let stage = Stage::Calling { key, answers: after_ms.is_some() };
        self.add_call(Call::new(number, interaction, stage, None));
    }

    /// The called party answers, or it has rung for long enough.
    pub(super) fn called_party_is_due(&mut self, call: &mut Call) {
        match call.stage {
            Stage::Calling { key, answers: true } => {
                call.stage = Stage::Connected;
                call.interaction.arrived_at = self.now;
                self.agenda.set(call.number, Timer::Patience, self.now.saturating_add(self.options.called_waits_ms));
                self.outlet.close(key, Some(&call.interaction.id), EventBody::CallCreated(call.interaction.clone()));
            }
            Stage::Calling { .. } => {
                let failure = Failure::new(ErrorCode::NoAnswer, format!("`{}` did not answer", call.interaction.called));
                self.give_up_calling(call, EventBody::Failed(failure));
            }
            _ => {}
        }
    }

    /// It never was an interaction: nothing but the answer is told.
    pub(super) fn give_up_calling(&mut self, call: &mut Call, answer: EventBody) {
        if let Stage::Calling { key, .. } = call.stage {
            call.stage = Stage::Over;
            call.told.condition = call.condition(None);
            self.outlet.close(key, None, answer);
        }
    }

    fn refuse_call(&mut self, key: RequestKey, code: ErrorCode, message: impl Into<String>) {
        self.outlet.answer(key, None, EventBody::Failed(Failure::new(code, message)));
    }
}
