//! Values of the flags that make up callers and agents.

use std::str::FromStr;

use tandem_gateway::simulated::callers::Choice;

/// Agents of one flag. Reason: a typing mistake must not fill the memory.
const MOST_AGENTS: u32 = 100_000;

/// A flag's value that could not be read; says how it should look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadValue(String);

/// `sales=5`, or `sales+support=2`: so many agents, each for all of these groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agents {
    pub groups: Vec<String>,
    pub count: u32,
}

impl FromStr for Agents {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let wrong = || {
            BadValue(format!(
                "{text:?} is not GROUP=COUNT; write sales=5, or sales+support=2 for agents of two groups (at most {MOST_AGENTS})"
            ))
        };
        let (groups, count) = text.split_once('=').ok_or_else(wrong)?;
        let groups: Vec<_> = groups.split('+').map(|group| group.trim().to_owned()).collect();
        let count = count.trim().parse().ok().filter(|count| *count <= MOST_AGENTS).ok_or_else(wrong)?;
        if groups.iter().any(String::is_empty) { Err(wrong()) } else { Ok(Agents { groups, count }) }
    }
}

/// `8001=3`: of the callers, so many parts dial this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    pub number: String,
    pub weight: u32,
}

impl FromStr for Share {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let wrong = || BadValue(format!("{text:?} is not NUMBER=WEIGHT; write 8001=3"));
        let (number, weight) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Share { number: number.trim().to_owned(), weight: weight.trim().parse().map_err(|_| wrong())? })
    }
}

/// `8001=1:60,2:20,:5`: what is pressed there, and how often; no keys: no input. `8001=` alone: nothing ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presses {
    pub number: String,
    pub choices: Vec<Choice>,
}

impl FromStr for Presses {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        let wrong = || BadValue(format!("{text:?} is not NUMBER=KEYS:WEIGHT,…; write 8001=1:60,2:20,:5 (no keys: no input)"));
        let (number, choices) = text.split_once('=').ok_or_else(wrong)?;
        let choice = |text: &str| {
            let (keys, weight) = text.split_once(':')?;
            let keys = keys.trim();
            let are_keys = keys.chars().all(|key| "0123456789*#".contains(key));
            are_keys.then_some(Choice { keys: keys.to_owned(), weight: weight.trim().parse().ok()? })
        };
        let choices: Option<Vec<_>> = choices.split(',').filter(|text| !text.trim().is_empty()).map(choice).collect();
        Ok(Presses { number: number.trim().to_owned(), choices: choices.ok_or_else(wrong)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agents_shares_and_keys_are_read() {
        assert_eq!("sales=5".parse(), Ok(Agents { groups: vec!["sales".into()], count: 5 }));
        assert_eq!("sales+support=2".parse(), Ok(Agents { groups: vec!["sales".into(), "support".into()], count: 2 }));
        assert_eq!("8001=3".parse(), Ok(Share { number: "8001".into(), weight: 3 }));
        let choices = [("1", 60), ("12#", 4), ("", 5)].map(|(keys, weight)| Choice { keys: keys.into(), weight });
        assert_eq!("8001=1:60,12#:4,:5".parse(), Ok(Presses { number: "8001".into(), choices: choices.into() }));
        assert_eq!("8001=".parse(), Ok(Presses { number: "8001".into(), choices: Vec::new() }));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_an_example() {
        for bad in ["", "sales", "sales=x", "=3", "sales+=2", "sales=100001"] {
            assert!(bad.parse::<Agents>().unwrap_err().to_string().contains("sales=5"), "{bad}");
        }
        for bad in ["", "8001", "8001=-1"] {
            assert!(bad.parse::<Share>().unwrap_err().to_string().contains("8001=3"), "{bad}");
        }
        for bad in ["", "8001", "8001=1", "8001=x:1", "8001=1:y"] {
            assert!(bad.parse::<Presses>().unwrap_err().to_string().contains("8001=1:60"), "{bad}");
        }
    }
}
