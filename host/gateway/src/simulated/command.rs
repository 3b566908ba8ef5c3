//! What a script does to the switch: people who call, press keys and hang up at its word.

use tandem_words::{InteractionId, PartyState, Property, Timestamp};

use super::SimulatedSwitch;
use super::call::{Call, CallNumber, Stage};
use super::caller::Caller;
use crate::port::Switch;

/// A word of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Somebody calls, and stays until told to hang up or out of patience.
    Dial {
        /// Their number.
        calling: String,
        /// The routing point's.
        number: String,
        /// What the call brings with it.
        user_data: Vec<Property>,
        /// How long they wait for a target, ringing included, ms; none: for ever.
        patience_ms: Option<u64>,
    },
    /// The caller presses these keys, all at once.
    Press {
        /// Whose.
        interaction: InteractionId,
        /// `0` to `9`, `*`, `#`, `A` to `D`.
        keys: String,
    },
    /// The caller hangs up.
    HangUp {
        /// Whose.
        interaction: InteractionId,
    },
    /// The target that talks with the caller hangs up.
    TargetHangsUp {
        /// Whose.
        interaction: InteractionId,
    },
    /// The target that talks with the caller lets them wait, with music, or comes back to them.
    Hold {
        /// Whose.
        interaction: InteractionId,
        /// False: comes back.
        held: bool,
    },
    /// Somebody other than the strategy changes a call's user data.
    ChangeUserData {
        /// Whose.
        interaction: InteractionId,
        /// New values.
        changed: Vec<Property>,
        /// Keys taken away.
        deleted: Vec<String>,
    },
    /// An agent logs in.
    LogIn {
        /// Who.
        agent: String,
    },
    /// An agent logs out.
    LogOut {
        /// Who.
        agent: String,
    },
}

/// A script asked for what cannot be; nothing happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// Nobody answers there.
    #[error("number `{0}` is no routing point of the switch: add it there, or dial one of its routing points")]
    NoRoutingPoint(String),
    /// Too many calls.
    #[error("the switch is full with {0} calls: raise `live_calls`, or let some end")]
    Full(usize),
    /// It is over, or never was.
    #[error("no call `{0}` is live on the switch: it is over, or the id is wrong")]
    NoCall(InteractionId),
    /// No target has it.
    #[error("no target talks with call `{0}`: route it first")]
    NoTarget(InteractionId),
    /// No phone has it.
    #[error("`{0}` is no key: press 0 to 9, *, # or A to D")]
    NoKey(char),
    /// The switch has no such agent.
    #[error(transparent)]
    Agent(#[from] tandem_queue::Error),
    /// Too much data.
    #[error("user data: {0}")]
    UserData(String),
}

impl SimulatedSwitch {
    /// Does what a script says, now. Returns the id of the call that `Dial` made.
    pub fn command(&mut self, now: Timestamp, command: Command) -> Result<Option<InteractionId>, CommandError> {
        self.advance(now);
        let result = match command {
            Command::Dial { calling, number, user_data, patience_ms } => self.dial(calling, number, user_data, patience_ms).map(Some),
            Command::Press { interaction, keys } => match keys.chars().find(|key| !"0123456789*#ABCD".contains(*key)) {
                Some(key) => Err(CommandError::NoKey(key)),
                None => self.command_call(&interaction, |switch, call| {
                    keys.chars().for_each(|key| switch.press(call, key));
                    Ok(())
                }),
            },
            Command::HangUp { interaction } => self.command_call(&interaction, |switch, call| {
                switch.caller_hangs_up(call);
                Ok(())
            }),
            Command::TargetHangsUp { interaction } => self.command_call(&interaction, |switch, call| match call.stage {
                Stage::Talking { .. } | Stage::DefaultRouted => {
                    switch.talk_is_over(call);
                    Ok(())
                }
                _ => Err(CommandError::NoTarget(call.interaction.id.clone())),
            }),
            Command::Hold { interaction, held } => self.command_call(&interaction, |switch, call| match call.stage {
                Stage::Talking { .. } => {
                    call.held = held;
                    switch.tell_caller(call, if held { PartyState::Held } else { PartyState::Connected });
                    Ok(())
                }
                _ => Err(CommandError::NoTarget(call.interaction.id.clone())),
            }),
            Command::ChangeUserData { interaction, changed, deleted } => self.command_call(&interaction, |switch, call| {
                let result = switch.others_change_data(call, changed, deleted);
                result.map_err(|failure| CommandError::UserData(failure.message))
            }),
            Command::LogIn { agent } => self.staff.log(self.now, &agent, true).map(|()| None).map_err(Into::into),
            Command::LogOut { agent } => self.staff.log(self.now, &agent, false).map(|()| None).map_err(Into::into),
        };
        self.advance(now);
        result
    }

    fn dial(
        &mut self,
        calling: String,
        number: String,
        user_data: Vec<Property>,
        patience_ms: Option<u64>,
    ) -> Result<InteractionId, CommandError> {
        if !self.options.routing_points.contains_key(&number) {
            self.counts.rejected += 1;
            return Err(CommandError::NoRoutingPoint(number));
        }
        let caller = self.next_caller;
        let Some(id) = self.arrive(Caller::scripted(caller, patience_ms), calling, number, user_data) else {
            return Err(CommandError::Full(self.calls.len()));
        };
        self.next_caller = caller.saturating_add(1);
        Ok(id)
    }

    fn command_call(
        &mut self,
        interaction: &InteractionId,
        act: impl FnOnce(&mut Self, &mut Call) -> Result<(), CommandError>,
    ) -> Result<Option<InteractionId>, CommandError> {
        let no_call = || CommandError::NoCall(interaction.clone());
        let number: CallNumber = *self.by_id.get(interaction).ok_or_else(no_call)?;
        self.with_call(number, |switch, call| match call.stage {
            // It rings at somebody's; nobody is there yet.
            Stage::Calling { .. } => Err(no_call()),
            _ => act(switch, call),
        })
        .unwrap_or_else(|| Err(no_call()))
        .map(|()| None)
    }
}
