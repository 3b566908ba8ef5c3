//! What a guest is told: context and events.

use tandem_journal::LocalTime;
use tandem_words as words;

use crate::bindings::tandem::strategy::{timers, types};

/// Enums without payload: the same names on both sides.
macro_rules! same {
    ($function:ident, $enum:ident: $($case:ident)*) => {
        fn $function(value: words::$enum) -> types::$enum {
            match value {
                $(words::$enum::$case => types::$enum::$case,)*
            }
        }
    };
}

same!(media, Media: Voice Chat Email Task);
same!(direction, Direction: Inbound Outbound Internal Consult);
same!(origin, Origin: Interaction Api Session);
same!(party_state, PartyState: Ringing Connected Held Left);
same!(end_cause, EndCause: CallerHungUp AgentHungUp Strategy Moved Failed);
same!(stopped_by, StoppedBy: End Digit Cancelled HangUp NoInput Terminator MaxDigits);
same!(restart_cause, RestartCause: NotPersisted Uncertain ReplayDiverged Swapped);
same!(error_code, ErrorCode: Busy NoAnswer TimedOut Cancelled Redirected NotFound Gone Rejected Unsupported Denied OverLimit
    Unavailable OutcomeUnknown Other);

/// What `start` and `restore` are told.
pub(crate) fn context(context: &words::Context) -> types::Context {
    types::Context {
        session_id: context.session_id.to_string(),
        incarnation: context.incarnation,
        origin: origin(context.origin),
        started_at: context.started_at,
        parameters: properties(&context.parameters),
    }
}

/// What `on-event` is told.
pub(crate) fn event(event: &words::Event) -> types::Event {
    types::Event {
        seq: event.seq,
        at: event.at,
        switch_at: event.switch_at,
        seed: event.seed,
        request: event.request,
        body: body(&event.body),
    }
}

/// What `timers.local` answers.
pub(crate) fn local_time(time: LocalTime) -> timers::LocalTime {
    timers::LocalTime {
        year: time.year,
        month: time.month,
        day: time.day,
        hour: time.hour,
        minute: time.minute,
        second: time.second,
        weekday: time.weekday,
        utc_offset_minutes: time.utc_offset_minutes,
    }
}

fn body(body: &words::EventBody) -> types::EventBody {
    use types::EventBody as To;
    use words::EventBody as From;
    match body {
        From::InteractionAdded(of) => To::InteractionAdded(interaction(of)),
        From::InteractionDeleted(of) => {
            To::InteractionDeleted(types::Deletion { interaction: of.interaction.to_string(), cause: end_cause(of.cause) })
        }
        From::InteractionNotControlled(of) => To::InteractionNotControlled(of.to_string()),
        From::PartyChanged(of) => To::PartyChanged(types::Party {
            interaction: of.interaction.to_string(),
            id: of.id.clone(),
            address: of.address.clone(),
            state: party_state(of.state),
        }),
        From::UserDataChanged(of) => To::UserDataChanged(types::UserDataChange {
            interaction: of.interaction.to_string(),
            changed: properties(&of.changed),
            deleted: of.deleted.clone(),
        }),
        From::Digit(of) => To::Digit(types::Digit { interaction: of.interaction.to_string(), key: of.key.clone() }),
        From::PlayDone(by) => To::PlayDone(stopped_by(*by)),
        From::CollectDone(of) => To::CollectDone(types::Digits { keys: of.keys.clone(), stopped_by: stopped_by(of.stopped_by) }),
        From::RecordingDone(of) => To::RecordingDone(types::Recording { uri: of.uri.clone(), length_ms: of.length_ms }),
        From::RouteDone(of) => To::RouteDone(types::Routed {
            interaction: of.interaction.to_string(),
            target: of.target.clone(),
            answered_by: of.answered_by.clone(),
            waited_ms: of.waited_ms,
        }),
        From::GroupStatus(of) => To::GroupStatus(types::GroupStatus {
            group: of.group.clone(),
            logged_in: of.logged_in,
            ready: of.ready,
            waiting: of.waiting,
            longest_wait_ms: of.longest_wait_ms,
            expected_wait_ms: of.expected_wait_ms,
        }),
        From::CallCreated(of) => To::CallCreated(interaction(of)),
        From::TimerFired => To::TimerFired,
        From::FetchDone(of) => {
            To::FetchDone(types::Response { status: of.status, headers: properties(&of.headers), body: of.body.clone() })
        }
        From::SessionStarted(session) => To::SessionStarted(session.clone()),
        From::Message(of) => To::Message(types::Message { sender: of.sender.clone(), name: of.name.clone(), json: of.json.clone() }),
        From::Done => To::Done,
        From::Failed(of) => To::Failed(types::Failure { code: error_code(of.code), message: of.message.clone() }),
        From::SessionRestarted(of) => To::SessionRestarted(types::Restart {
            interaction: of.interaction.as_deref().map(str::to_owned),
            cause: restart_cause(of.cause),
            partial: of.partial,
        }),
        From::SessionRecovered => To::SessionRecovered,
        From::Gap(of) => To::Gap(types::Gap { interaction: of.interaction.as_deref().map(str::to_owned), since: of.since }),
        From::InteractionDefaultRouted(of) => To::InteractionDefaultRouted(of.to_string()),
        From::Custom(of) => To::Custom(types::Custom { name: of.name.clone(), json: of.json.clone() }),
    }
}

fn interaction(of: &words::Interaction) -> types::Interaction {
    types::Interaction {
        id: of.id.to_string(),
        root: of.root.to_string(),
        media: media(of.media),
        direction: direction(of.direction),
        calling: of.calling.clone(),
        called: of.called.clone(),
        routing_point: of.routing_point.clone(),
        arrived_at: of.arrived_at,
        user_data: properties(&of.user_data),
    }
}

fn properties(list: &[words::Property]) -> Vec<types::Property> {
    list.iter().map(|property| types::Property { key: property.key.clone(), value: property.value.clone() }).collect()
}
