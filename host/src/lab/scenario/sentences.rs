//! Every sentence of the language, by example: for errors, which show the nearest one, and for the documentation, which must
//! have them all.

/// All of them, those of the setting first.
pub(super) const SENTENCES: &[&str] = &[
    "date 2026-03-02T09:30:00Z",
    "parameter NAME = \"VALUE\"",
    "agents GROUP: 2",
    "user-data KEY = \"VALUE\"",
    "patience 60s",
    "caller dials 8000",
    "caller dials 8000 from 5551234",
    "caller presses 1 2 #",
    "caller hangs up",
    "agent hangs up",
    "agent holds",
    "agent retrieves",
    "somebody attaches KEY = \"VALUE\"",
    "somebody deletes KEY",
    "agents log in GROUP: 1",
    "agents log out GROUP: 1",
    "wait 5s",
    "host dies",
    "host dies for 3s",
    "expect play \"welcome\"",
    "expect play text \"Good morning\"",
    "expect play digits \"42\"",
    "expect play number 42",
    "expect play tone \"beep\"",
    "expect collect",
    "expect collect prompt \"menu\"",
    "expect music",
    "expect music \"hold\"",
    "expect recording",
    "expect recording \"NAME\"",
    "expect route group \"sales\"",
    "expect route number \"5550100\"",
    "expect route agent \"ann\"",
    "expect route routing-point \"8001\"",
    "expect route default",
    "expect transfer group \"sales\"",
    "expect call \"5550100\"",
    "expect disconnect",
    "expect default route",
    "expect routed",
    "expect routed to \"sales\"",
    "expect end",
    "expect nothing for 10s",
    "expect attach KEY = \"VALUE\"",
    "expect milestone \"NAME\"",
    "expect timer 30s",
    "expect message NAME",
];

/// The sentence most like this line; none: it is like none of them.
pub(super) fn nearest(line: &str) -> Option<&'static str> {
    let line = words(line);
    let mut best = (1.0, None);
    for sentence in SENTENCES {
        let alike = likeness(&line, &words(sentence));
        if alike > best.0 {
            best = (alike, Some(*sentence));
        }
    }
    best.1
}

/// Stands for what is quoted.
const QUOTED: &str = "\"\"";

/// Without what is quoted and numbered, for those differ in every file.
fn words(line: &str) -> Vec<String> {
    let outside = line.split('"').step_by(2).collect::<Vec<_>>().join(QUOTED);
    let plain = outside.chars().map(|c| if c.is_ascii_digit() { '0' } else { c.to_ascii_lowercase() });
    plain.collect::<String>().split_whitespace().map(str::to_owned).collect()
}

/// The beginning counts most; then each word that is similar; then that as much is quoted.
fn likeness(line: &[String], sentence: &[String]) -> f64 {
    let pairs = || line.iter().zip(sentence);
    let word = |(word, wanted): (&String, &String)| match wanted.as_str() {
        QUOTED if word != QUOTED => 0.5,
        wanted => strsim::normalized_damerau_levenshtein(word, wanted),
    };
    let quoted = |words: &[String]| words.iter().filter(|word| *word == QUOTED).count();
    let number = |count: usize| u32::try_from(count).map_or(f64::MAX, f64::from);
    let begins = number(pairs().take_while(|(word, wanted)| word == wanted).count());
    let more = number(line.len().abs_diff(sentence.len()));
    let as_quoted = if quoted(line) == quoted(sentence) { 0.5 } else { 0.0 };
    begins + pairs().map(word).sum::<f64>() + as_quoted - 0.1 * more
}
