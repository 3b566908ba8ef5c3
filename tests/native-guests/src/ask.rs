//! What a script may ask for while it handles an event: the imports of the contract.

use tandem_journal::LogLevel;
use tandem_session::{Draft, Effort, OverLimit};
use tandem_words::{CollectOptions, InteractionId, Prompt, Property, RequestBody, RequestId, Route, StartSession, Target};

/// See the module. A request over a limit is refused and ends the instance, as it does in Wasm; the script goes on and its
/// answer is dropped.
#[derive(Debug)]
pub struct Ask {
    pub(crate) draft: Draft,
    pub(crate) effort: Effort,
    pub(crate) over_limit: Option<OverLimit>,
}

impl Ask {
    /// Anything.
    pub fn request(&mut self, body: RequestBody) -> RequestId {
        match self.draft.request(body) {
            Ok(request) => request,
            Err(over) => {
                self.over_limit.get_or_insert(over);
                0
            }
        }
    }

    /// `dialog.play` of one sound.
    pub fn play(&mut self, call: &InteractionId, sound: &str) -> RequestId {
        self.request(RequestBody::Play { call: call.clone(), prompts: vec![Prompt::Sound(sound.to_owned())], interruptible: true })
    }

    /// `dialog.music`.
    pub fn music(&mut self, call: &InteractionId) -> RequestId {
        self.request(RequestBody::Music { call: call.clone(), name: "default".to_owned() })
    }

    /// `dialog.collect` of up to so many digits.
    pub fn collect(&mut self, call: &InteractionId, max_digits: u8) -> RequestId {
        let options = CollectOptions {
            prompts: Vec::new(),
            min_digits: 1,
            max_digits,
            terminators: "#".to_owned(),
            first_digit_timeout_ms: 0,
            inter_digit_timeout_ms: 0,
            flush: false,
            sensitive: false,
        };
        self.request(RequestBody::Collect { call: call.clone(), options })
    }

    /// `routing.route` to a group.
    pub fn route(&mut self, interaction: &InteractionId, group: &str) -> RequestId {
        self.request(RequestBody::Route(Route {
            interaction: interaction.clone(),
            targets: vec![Target::Group(group.to_owned())],
            priority: 0,
            credit_ms: 0,
            timeout_ms: 0,
            ring_timeout_ms: 0,
            unchecked: false,
        }))
    }

    /// `routing.disconnect`.
    pub fn disconnect(&mut self, interaction: &InteractionId) -> RequestId {
        self.request(RequestBody::Disconnect { interaction: interaction.clone() })
    }

    /// `user-data.attach` of one property.
    pub fn attach(&mut self, interaction: &InteractionId, key: &str, value: &str) -> RequestId {
        self.request(RequestBody::Attach { interaction: interaction.clone(), data: vec![Property::new(key, value)] })
    }

    /// `timers.after`.
    pub fn after(&mut self, delay_ms: u32) -> RequestId {
        self.request(RequestBody::After { delay_ms })
    }

    /// `control.send`.
    pub fn send(&mut self, session: &str, name: &str) -> RequestId {
        self.request(RequestBody::Send { session: session.to_owned(), name: name.to_owned(), json: "{}".to_owned() })
    }

    /// `control.start-session`.
    pub fn start_session(&mut self, strategy: &str) -> RequestId {
        self.request(RequestBody::StartSession(StartSession { strategy: strategy.to_owned(), parameters: Vec::new() }))
    }

    /// `control.cancel`.
    pub fn cancel(&mut self, request: RequestId) {
        if let Err(over) = self.draft.cancel(request) {
            self.over_limit.get_or_insert(over);
        }
    }

    /// `user-data.get`.
    pub fn user_data(&self, interaction: &str, key: &str) -> Option<String> {
        self.draft.user_data(interaction, key)
    }

    /// `control.log`.
    pub fn log(&mut self, text: &str) {
        self.draft.log(LogLevel::Info, text.to_owned());
    }

    /// `control.milestone`.
    pub fn milestone(&mut self, name: &str) {
        self.draft.milestone(name.to_owned());
    }

    /// Whether this is a replay. A real strategy cannot know; a test's may, to differ on purpose.
    pub fn is_replay(&self) -> bool {
        self.effort == Effort::Replay
    }
}
