//! Prompts: how long they are, and whether the switch has them.

use tandem_words::{ErrorCode, Failure, Prompt};

use super::Options;

impl Options {
    /// How long these are, one after the other.
    pub(super) fn prompts_ms(&self, prompts: &[Prompt]) -> u64 {
        let each = |count: usize, ms: u64| ms.saturating_mul(count as u64);
        prompts.iter().fold(0_u64, |sum, prompt| {
            sum.saturating_add(match prompt {
                Prompt::Sound(name) => self.sound_ms.get(name).copied().unwrap_or(self.default_sound_ms),
                Prompt::Text(speech) => each(speech.text.chars().count(), self.character_ms),
                Prompt::Digits(digits) => each(digits.chars().count(), self.spoken_digit_ms),
                Prompt::Number(number) => each(number.to_string().len(), self.spoken_digit_ms),
                Prompt::Tone(_) => self.tone_ms,
            })
        })
    }

    pub(super) fn know_sounds(&self, prompts: &[Prompt]) -> Result<(), Failure> {
        prompts.iter().try_for_each(|prompt| match prompt {
            Prompt::Sound(name) => self.know_sound(name),
            _ => Ok(()),
        })
    }

    pub(super) fn know_sound(&self, name: &str) -> Result<(), Failure> {
        match &self.sounds {
            Some(sounds) if !sounds.contains(name) => {
                let message = format!("the switch has no sound `{name}`: add it there, or correct the name");
                Err(Failure::new(ErrorCode::NotFound, message))
            }
            _ => Ok(()),
        }
    }
}

/// A treatment in words, for whoever reads the record: `dialog.playsound welcome "Hello" 42`.
pub(super) fn in_words(name: &str, prompts: &[Prompt]) -> String {
    prompts.iter().fold(name.to_owned(), |words, prompt| match prompt {
        Prompt::Sound(sound) => words + " " + sound,
        Prompt::Text(speech) => format!("{words} {:?}", speech.text),
        Prompt::Digits(digits) => words + " digits " + digits,
        Prompt::Number(number) => format!("{words} {number}"),
        Prompt::Tone(tone) => words + " tone " + tone,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_words::Speech;

    #[test]
    fn prompts_take_their_time() {
        let options = Options { sound_ms: [("long".to_owned(), 9_000)].into(), ..Options::default() };
        let check = |prompt: Prompt, ms: u64, words: &str| {
            assert_eq!(options.prompts_ms(std::slice::from_ref(&prompt)), ms, "{prompt:?}");
            assert_eq!(in_words("dialog.playsound", &[prompt]), format!("dialog.playsound {words}"));
        };
        check(Prompt::Sound("short".into()), 2_000, "short");
        check(Prompt::Sound("long".into()), 9_000, "long");
        check(Prompt::Text(Speech { text: "Grüezi".into(), language: String::new() }), 360, "\"Grüezi\"");
        check(Prompt::Digits("0791".into()), 2_000, "digits 0791");
        check(Prompt::Number(-12), 1_500, "-12");
        check(Prompt::Tone("busy".into()), 1_000, "tone busy");
    }

    #[test]
    fn only_where_sounds_are_listed_one_can_be_missing() {
        let prompts = [Prompt::Tone("busy".into()), Prompt::Sound("welcome".into())];
        assert_eq!(Options::default().know_sounds(&prompts), Ok(()));
        let options = Options { sounds: Some(["bye".to_owned()].into()), ..Options::default() };
        assert_eq!(options.know_sounds(&prompts).unwrap_err().code, ErrorCode::NotFound);
    }
}
