//! Calls that nobody serves (P9).

use tandem_words::{EventBody, InteractionId};

use super::Core;
use crate::port::Order;

impl Core {
    /// Sends calls on whose session is over with nothing more under way.
    pub(super) fn judge(&mut self) {
        for interaction in self.calls.take_forsaken() {
            self.default_route(interaction);
        }
    }

    /// Sends calls on whose deadline has passed. Returns whether there were any.
    pub(super) fn enforce_deadlines(&mut self) -> bool {
        let mut any = false;
        while let Some(interaction) = self.calls.overdue(self.now) {
            self.default_route(interaction);
            any = true;
        }
        any
    }

    fn default_route(&mut self, interaction: InteractionId) {
        let Some(to) = self.calls.default_route(&interaction) else { return };
        self.orders.push(Order::DefaultRoute { interaction: interaction.clone(), to });
        self.event(Some(interaction.clone()), None, None, EventBody::InteractionDefaultRouted(interaction));
    }
}
