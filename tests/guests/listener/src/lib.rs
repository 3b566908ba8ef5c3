//! Is not persisted, and starts again after a switchover. Plays something, listens for two minutes, and ends the call; `heard` is always
//! what it has heard since its beginning: `added 5`, and `restarted added 5` or `uncertain …` in a later incarnation.

use serde::{Deserialize, Serialize};
use tandem_sdk::{RestartCause, prelude::*};

/// A session: what it has heard, what it plays, and the timer that ends it.
#[derive(Serialize, Deserialize)]
struct Listener {
    heard: Vec<String>,
    play: Option<RequestId>,
    end: Option<RequestId>,
}

impl EventStrategy for Listener {
    fn manifest() -> Manifest {
        Manifest { restart_on_switchover: Some(true), ..Manifest::new("listener", "0.1.0").persist(false) }
    }

    fn start(_: &Context) -> Result<Self> {
        Ok(Listener { heard: Vec::new(), play: None, end: None })
    }

    fn on_event(&mut self, event: Event, host: &Host) -> Result<Next> {
        if self.end.is_some_and(|end| event.answers(end)) {
            host.disconnect();
        }
        if self.play.is_some_and(|play| event.answers(play)) {
            host.music("hold");
        }
        let word = match &event.body {
            EventBody::SessionRestarted(restart) => Some(match restart.cause {
                RestartCause::Uncertain => "uncertain".to_owned(),
                _ if restart.partial => "partial".to_owned(),
                _ => "restarted".to_owned(),
            }),
            EventBody::InteractionAdded(_) => Some("added".to_owned()),
            EventBody::Digit(digit) => Some(digit.key.clone()),
            _ => None,
        };
        let begins = self.heard.is_empty();
        if let Some(word) = word {
            self.heard.push(word);
            host.attach("heard", self.heard.join(" "));
        }
        if begins {
            self.play = Some(host.play(Prompt::Sound("welcome".into())));
            self.end = Some(host.after(Duration::from_secs(120)));
        }
        Ok(if event.ends(&host.id()).is_some() { Next::Finish } else { Next::Wait })
    }
}

tandem_sdk::export_events!(Listener);
