//! What the deployment set: digits, targets, times.

use tandem_sdk::prelude::*;

/// The parameters, read and checked.
pub struct Choices {
    targets: Vec<(char, Target)>,
    /// How often to ask; at least once.
    pub retries: u32,
    /// For the digit.
    pub digit_wait: Duration,
    /// For an agent.
    pub agent_wait: Duration,
}

impl Choices {
    /// From the parameters; the error names the one that cannot be read.
    pub fn read(context: &Context) -> Result<Self> {
        let text = |name: &str| context.parameter(name).unwrap_or_default();
        let number = |name: &str| -> Result<u32> {
            text(name).trim().parse().map_err(|_| Error::new(format!("parameter {name}: {:?} is not a number", text(name))))
        };
        let seconds = |name: &str| number(name).map(|n| Duration::from_secs(n.into()));
        let mut targets = vec![('0', text("person").parse()?)];
        for choice in text("choices").split(',') {
            targets.push(read_choice(choice)?);
        }
        Ok(Choices { targets, retries: number("retries")?.max(1), digit_wait: seconds("digit-wait-s")?, agent_wait: seconds("wait-s")? })
    }

    /// What a digit stands for; a later choice overrides an earlier one, and the person.
    pub fn target(&self, key: char) -> Option<&Target> {
        self.targets.iter().rev().find(|(digit, _)| *digit == key).map(|(_, target)| target)
    }
}

fn read_choice(text: &str) -> Result<(char, Target)> {
    let wrong = || Error::new(format!("parameter choices: {text:?} is not DIGIT=TARGET, such as 1=sales"));
    let (digit, target) = text.split_once('=').ok_or_else(wrong)?;
    let mut digit = digit.trim().chars();
    match (digit.next(), digit.next()) {
        (Some(digit), None) => Ok((digit, target.parse()?)),
        _ => Err(wrong()),
    }
}
