//! One line, word by word.

use super::{MAX_TIME_MS, ScenarioError, sentences::nearest};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    /// `=` or `:`.
    Sign(char),
}

impl Token {
    fn shown(&self) -> String {
        match self {
            Token::Word(word) => format!("`{word}`"),
            Token::Quoted(text) => format!("{text:?}"),
            Token::Sign(sign) => format!("`{sign}`"),
        }
    }
}

/// What is left of a line.
pub(super) struct Reading<'a> {
    line: usize,
    text: &'a str,
    tokens: Vec<(usize, Token)>,
    at: usize,
}

type Read<T> = Result<T, ScenarioError>;

impl<'a> Reading<'a> {
    pub(super) fn new(line: usize, text: &'a str) -> Read<Self> {
        let mut reading = Reading { line, text, tokens: Vec::new(), at: 0 };
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.iter().copied().enumerate().peekable();
        while let Some((place, first)) = rest.next() {
            let token = match first {
                ' ' | '\t' => continue,
                sign @ ('=' | ':') => Token::Sign(sign),
                '"' => {
                    let mut quoted = String::new();
                    loop {
                        match rest.next() {
                            Some((_, '"')) => break,
                            Some((_, '\\')) => quoted.extend(rest.next().map(|(_, escaped)| escaped)),
                            Some((_, c)) => quoted.push(c),
                            None => return Err(reading.wrong_at(place + 1, "this quotation mark has no partner".to_owned())),
                        }
                    }
                    Token::Quoted(quoted)
                }
                first => {
                    let mut word = String::from(first);
                    while let Some((_, c)) = rest.next_if(|(_, c)| !matches!(c, ' ' | '\t' | '"' | '=')) {
                        word.push(c);
                    }
                    // `agents sales: 2`
                    let colon = word.len() > 1 && word.ends_with(':');
                    if colon {
                        word.pop();
                    }
                    let length = word.chars().count();
                    reading.tokens.push((place + 1, Token::Word(word)));
                    if colon {
                        reading.tokens.push((place + 1 + length, Token::Sign(':')));
                    }
                    continue;
                }
            };
            reading.tokens.push((place + 1, token));
        }
        Ok(reading)
    }

    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|(_, token)| token.clone());
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    pub(super) fn is_done(&self) -> bool {
        self.peek().is_none()
    }

    /// Whether these words are the next ones.
    pub(super) fn sees(&self, words: &str) -> bool {
        let word_at = |place: usize| match self.tokens.get(self.at + place) {
            Some((_, Token::Word(word))) => Some(word.as_str()),
            _ => None,
        };
        words.split(' ').enumerate().all(|(place, word)| word_at(place) == Some(word))
    }

    /// Takes these words, if they are the next ones.
    pub(super) fn takes(&mut self, words: &str) -> bool {
        let there = self.sees(words);
        if there {
            self.at += words.split(' ').count();
        }
        there
    }

    pub(super) fn sign(&mut self, sign: char) -> Read<()> {
        match self.peek() {
            Some(Token::Sign(found)) if *found == sign => {
                self.at += 1;
                Ok(())
            }
            _ => Err(self.wrong(&format!("`{sign}`"))),
        }
    }

    /// A text in quotation marks, if one is next.
    pub(super) fn quoted_if(&mut self) -> Option<String> {
        match self.peek() {
            Some(Token::Quoted(text)) => {
                let text = text.clone();
                self.at += 1;
                Some(text)
            }
            _ => None,
        }
    }

    /// A text in quotation marks.
    pub(super) fn quoted(&mut self, what: &str) -> Read<String> {
        let wrong = self.wrong(&format!("{what} in quotation marks"));
        self.quoted_if().ok_or(wrong)
    }

    /// A name, with quotation marks or without.
    pub(super) fn name(&mut self, what: &str) -> Read<String> {
        let wrong = self.wrong(what);
        match self.next() {
            Some(Token::Word(text) | Token::Quoted(text)) if !text.is_empty() => Ok(text),
            _ => Err(wrong),
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&mut self, what: &str) -> Read<T> {
        let wrong = self.wrong(what);
        match self.next() {
            Some(Token::Word(word)) => word.parse().map_err(|_| wrong),
            _ => Err(wrong),
        }
    }

    /// `5s`, `500ms`, `2m`, `1h`, in ms.
    pub(super) fn time(&mut self) -> Read<u64> {
        let wrong = self.wrong("a time such as 5s, 500ms, 2m or 1h");
        let Some(Token::Word(word)) = self.next() else { return Err(wrong) };
        let digits = word.find(|c: char| !c.is_ascii_digit()).unwrap_or(word.len());
        let (number, unit) = word.split_at(digits);
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(wrong),
        };
        let ms = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit_ms));
        ms.filter(|ms| *ms <= MAX_TIME_MS).ok_or(wrong)
    }

    /// All words that are left, as one.
    pub(super) fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(Token::Word(word)) = self.peek() {
            rest.push_str(word);
            self.at += 1;
        }
        rest
    }

    /// The line must be over.
    pub(super) fn over(&self) -> Read<()> {
        if self.is_done() { Ok(()) } else { Err(self.wrong("the end of the line")) }
    }

    /// Something else stands where `expected` should.
    pub(super) fn wrong(&self, expected: &str) -> ScenarioError {
        let (column, found) = match self.tokens.get(self.at) {
            Some((column, token)) => (*column, token.shown()),
            None => (self.text.trim_end().chars().count() + 1, "the end of the line".to_owned()),
        };
        self.wrong_at(column, format!("expected {expected}, found {found}"))
    }

    /// The last word read says what cannot be.
    pub(super) fn refuse(&self, what: String) -> ScenarioError {
        let column = self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(1, |(column, _)| *column);
        ScenarioError { line: self.line, column, what, nearest: None }
    }

    fn wrong_at(&self, column: usize, what: String) -> ScenarioError {
        ScenarioError { line: self.line, column, what, nearest: nearest(self.text.trim()) }
    }
}
