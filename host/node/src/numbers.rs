//! How large a gateway's numbers may be.

use tandem_switch_link::GatewayMessage;

/// Positions, incarnations and times. Reason: what every language's numbers hold, and the store's; nothing counts so far.
const MAX: u64 = 1 << 53;

/// A number that is too large, if the message has one.
pub(crate) fn too_large(message: &GatewayMessage) -> Option<u64> {
    let numbers = match message {
        GatewayMessage::Welcome { incarnation, now, .. } => [*incarnation, *now],
        GatewayMessage::Leading { now, .. } | GatewayMessage::Clock { now } => [*now, 0],
        GatewayMessage::Reconciled { now, kept_from, .. } => [*now, *kept_from],
        GatewayMessage::Event(event) => [event.position, event.at],
        GatewayMessage::Refused { .. } | GatewayMessage::Duplicate { .. } => [0, 0],
    };
    numbers.into_iter().find(|number| *number > MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_at_what_every_language_holds() {
        assert_eq!(too_large(&GatewayMessage::Clock { now: MAX }), None);
        assert_eq!(too_large(&GatewayMessage::Clock { now: MAX + 1 }), Some(MAX + 1));
        let (interactions, requests) = (Vec::new(), Vec::new());
        assert_eq!(
            too_large(&GatewayMessage::Reconciled { now: 1, kept_from: u64::MAX, interactions, requests, more: true }),
            Some(u64::MAX)
        );
    }
}
