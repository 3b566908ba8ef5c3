//! A menu: asks for one digit and routes to the group behind it. `0` is always a person.
//!
//! | parameter | meaning | default |
//! | --- | --- | --- |
//! | `choices` | digits and targets, `DIGIT=TARGET,…`; a target as in `group:NAME`, `number:NUMBER`, or just the group's name | `1=sales,2=support,3=billing` |
//! | `person` | target of the digit 0, and of a caller who chooses nothing | `agents` |
//! | `retries` | how often to ask in all | 3 |
//! | `digit-wait-s` | how long to wait for the digit, in seconds | 5 |
//! | `wait-s` | how long to wait for an agent, in seconds; 0: as long as the caller | 300 |
//!
//! - Asked with the prompt `menu`; no digit plays `no-input`, a digit without a choice `invalid-choice`, and it asks again. After
//!   the last try the caller hears `transfer` and goes to a person.
//! - The digit is attached to the call as `choice`, and where it leads as `target`, such as `group:sales`.
//! - User data `priority` (a number) and `credit-ms` (milliseconds counted as waited) that came with the call go into the route.
//! - While waiting the caller hears music. When no agent answers in time, or the route fails, the call takes its default route.
//! - Milestones: `menu`, `chosen`, `gave-up`, `routed`, `unanswered`.

mod choices;

use serde::{Deserialize, Serialize};
use tandem_sdk::prelude::*;

use choices::Choices;

/// A session: where its caller is. What the deployment set is read from the parameters when it is needed.
#[derive(Serialize, Deserialize)]
struct Menu {
    tries_left: u32,
    step: Step,
}

/// Each with the request whose answer is next.
#[derive(Serialize, Deserialize)]
enum Step {
    New,
    Asking(RequestId),
    /// Telling why it asks again, or that a person answers next.
    Telling {
        play: RequestId,
        give_up: bool,
    },
    Waiting(RequestId),
    LastResort(RequestId),
}

impl EventStrategy for Menu {
    fn manifest() -> Manifest {
        Manifest::new("ivr-menu", env!("CARGO_PKG_VERSION"))
            .parameter("choices", "Digits and targets: DIGIT=TARGET,…", "1=sales,2=support,3=billing")
            .parameter("person", "Target of digit 0, and of a caller who chooses nothing", "agents")
            .parameter("retries", "How often to ask in all", "3")
            .parameter("digit-wait-s", "How long to wait for the digit, in seconds", "5")
            .parameter("wait-s", "How long to wait for an agent, in seconds; 0: as long as the caller", "300")
    }

    fn start(context: &Context) -> Result<Self> {
        Ok(Menu { tries_left: Choices::read(context)?.retries, step: Step::New })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        if event.ends(&host.id()).is_some() {
            return Ok(Next::Finish);
        }
        if event.says_gone() {
            return Ok(Next::Wait);
        }
        match (&self.step, &event.body) {
            (Step::New, EventBody::InteractionAdded(_)) => self.ask(host)?,
            // The oldest events are missing, and the call's arrival with them.
            (Step::New, EventBody::SessionRestarted(restart)) if restart.partial => self.ask(host)?,
            (Step::Asking(collect), body) if event.answers(*collect) => self.answered(body, host)?,
            (Step::Telling { play, give_up }, _) if event.answers(*play) => match give_up {
                true => self.choose('0', host)?,
                false => self.ask(host)?,
            },
            // The music goes on until the default route answers.
            (Step::Waiting(route), EventBody::Failed(failure)) if event.answers(*route) => {
                host.milestone("unanswered");
                host.log(Level::Warn, format_args!("no agent: {}", failure.message));
                self.step = Step::LastResort(host.default_route());
            }
            (_, EventBody::RouteDone(_)) => {
                host.milestone("routed");
                return Ok(Next::Finish);
            }
            (Step::LastResort(route), EventBody::Failed(failure)) if event.answers(*route) => return Err(Error::Failed(failure.clone())),
            _ => {}
        }
        Ok(Next::Wait)
    }
}

impl Menu {
    fn ask(&mut self, host: &Host) -> Result<()> {
        host.milestone("menu");
        self.tries_left = self.tries_left.saturating_sub(1);
        let digit_wait = Choices::read(host.context())?.digit_wait;
        self.step = Step::Asking(host.collect(Collect::digits(1).prompt("menu").first_digit_timeout(digit_wait)));
        Ok(())
    }

    fn answered(&mut self, body: &EventBody, host: &Host) -> Result<()> {
        let key = match body {
            EventBody::CollectDone(digits) => digits.keys.chars().next(),
            // A menu that cannot be played has no choices: a person has to do.
            _ => Some('0'),
        };
        match key {
            Some(key) if Choices::read(host.context())?.target(key).is_some() => return self.choose(key, host),
            Some(_) => self.tell("invalid-choice", host),
            None => self.tell("no-input", host),
        }
        Ok(())
    }

    fn tell(&mut self, why: &str, host: &Host) {
        let give_up = self.tries_left == 0;
        if give_up {
            host.milestone("gave-up");
        }
        let play = host.play(if give_up { "transfer" } else { why });
        self.step = Step::Telling { play, give_up };
    }

    fn choose(&mut self, key: char, host: &Host) -> Result<()> {
        let choices = Choices::read(host.context())?;
        let target = choices.target(key).ok_or_else(|| Error::new(format!("no target for digit {key}")))?;
        host.milestone("chosen");
        host.attach_all([Property::new("choice", key), Property::new("target", target.to_string())]);
        let number = |key| host.get(key).and_then(|text| text.trim().parse::<i32>().ok()).unwrap_or_default();
        let credit = Duration::from_millis(u64::try_from(number("credit-ms")).unwrap_or_default());
        let route = Route::from(target.clone()).priority(number("priority")).credit(credit).timeout(choices.agent_wait);
        self.step = Step::Waiting(host.route(route));
        host.music("hold");
        Ok(())
    }
}

tandem_sdk::export_events!(Menu);
