//! Calls that nobody serves (P9).

use tandem_words::{EventBody, InteractionId};

use super::{Core, calls::Exit};
use crate::port::Order;

impl Core {
    /// Sends calls on whose session is over with nothing more under way.
    pub(super) fn judge(&mut self) {
        for interaction in self.calls.take_forsaken() {
            self.send_on(interaction);
        }
    }

    /// Sends calls on whose deadline has passed. Returns whether there were any.
    pub(super) fn enforce_deadlines(&mut self) -> bool {
        let mut any = false;
        while let Some(interaction) = self.calls.overdue(self.now) {
            self.send_on(interaction);
            any = true;
        }
        any
    }

    fn send_on(&mut self, interaction: InteractionId) {
        match self.calls.leave(&interaction) {
            Some(Exit::DefaultRoute(to)) => {
                self.orders.push(Order::DefaultRoute { interaction: interaction.clone(), to });
                self.event(Some(interaction.clone()), None, None, EventBody::InteractionDefaultRouted(interaction));
            }
            // The switch tells of its end.
            Some(Exit::HangUp) => self.orders.push(Order::HangUp { interaction }),
            None => {}
        }
    }
}
