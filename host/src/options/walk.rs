//! Every key and value of the file against the table: unknown keys, wrong kinds, values out of range, what is missing.

use std::ops::Range;

use toml::{Spanned, de::DeTable, de::DeValue};

use super::{
    problem::{Problem, Source},
    table::{Entry, Given, Kind, LATER, OPTIONS},
    values::{Address, StoreUrl, StrategySource, SwitchUrl, ValueError, duration, show_duration, show_size, size},
};

/// What is wrong with the single keys of a file.
pub(super) fn walk(root: &Spanned<DeTable<'_>>, source: &Source) -> Vec<Problem> {
    let mut walk = Walk { source, problems: Vec::new() };
    walk.table("", root.get_ref(), None);
    for (section, example) in [("cluster", "name = \"cc1\""), ("persistence", "store = \"sqlite:cc1.db\"")] {
        if !root.get_ref().contains_key(section) {
            let problem = Problem::new(source, None, format!("there is no [{section}]"));
            walk.problems.push(problem.help(format!("write [{section}], and below it {example}")));
        }
    }
    walk.problems
}

struct Walk<'a> {
    source: &'a Source,
    problems: Vec<Problem>,
}

impl Walk<'_> {
    /// `path`: the section's name as in the table, empty for the whole file; `at`: where it stands.
    fn table(&mut self, path: &str, table: &DeTable<'_>, at: Option<Range<usize>>) {
        for (key, value) in table {
            let name = match path {
                "" => key.get_ref().to_string(),
                "switch" => "switch.NAME".into(),
                _ => format!("{path}.{}", key.get_ref()),
            };
            if let Some(entry) = OPTIONS.iter().find(|entry| entry.name == name) {
                if let Err(ValueError(message)) = check(entry, value.get_ref()) {
                    self.problems.push(Problem::new(self.source, Some(value.span()), message).help(entry.meaning));
                }
            } else if is_section(&name) {
                self.section(&name, key.span(), value);
            } else {
                self.problems.push(unknown(self.source, path, key.get_ref(), key.span()));
            }
        }
        for entry in OPTIONS.iter().filter(|entry| matches!(entry.given, Given::Always)) {
            let key = entry.name.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'));
            if key.is_some_and(|key| !path.is_empty() && !key.contains('.') && !table.contains_key(key)) {
                let key = key.unwrap_or_default();
                let problem = Problem::new(self.source, at.clone(), format!("`{key}` is missing in {}", shown(path)));
                self.problems.push(problem.help(entry.meaning));
            }
        }
    }

    fn section(&mut self, name: &str, at: Range<usize>, value: &Spanned<DeValue<'_>>) {
        let repeated = matches!(name, "node" | "routing-point");
        match value.get_ref() {
            DeValue::Table(table) if !repeated => self.table(name, table, Some(at)),
            DeValue::Array(tables) if repeated => {
                for item in tables.iter() {
                    match item.get_ref() {
                        DeValue::Table(table) => self.table(name, table, Some(item.span())),
                        _ => self.no_section(name, item.span()),
                    }
                }
            }
            _ => self.no_section(name, at),
        }
    }

    fn no_section(&mut self, name: &str, at: Range<usize>) {
        let message = format!("`{name}` is a section, and not a single value or another kind of section");
        self.problems.push(Problem::new(self.source, Some(at), message).help(format!("write {} on a line of its own", shown(name))));
    }
}

/// Whether options or sections lie below this name.
fn is_section(name: &str) -> bool {
    OPTIONS.iter().any(|entry| entry.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// As it stands in a file: `[limits]`, `[[node]]`.
fn shown(path: &str) -> String {
    match path {
        "node" | "routing-point" => format!("[[{path}]]"),
        _ => format!("[{path}]"),
    }
}

fn unknown(source: &Source, path: &str, key: &str, at: Range<usize>) -> Problem {
    let prefix = if path.is_empty() { String::new() } else { format!("{path}.") };
    let full = format!("{prefix}{key}");
    if let Some((name, with)) = LATER.iter().find(|(name, _)| *name == full) {
        let message = format!("`{name}` comes with a later release of Tandem ({with}); this one does not know it");
        return Problem::new(source, Some(at), message).help("take it out until then");
    }
    let place = if path.is_empty() { "is no section of tandem.toml".into() } else { format!("is no option of {}", shown(path)) };
    let problem = Problem::new(source, Some(at), format!("`{key}` {place}"));
    let mut siblings: Vec<&str> =
        OPTIONS.iter().filter_map(|entry| entry.name.strip_prefix(&prefix)).filter_map(|rest| rest.split('.').next()).collect();
    siblings.dedup();
    let nearest = siblings.iter().map(|name| (strsim::jaro_winkler(name, key), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    let elsewhere = OPTIONS.iter().find(|entry| entry.name.rsplit_once('.').is_some_and(|(_, last)| last == key));
    match (nearest, elsewhere) {
        (Some((likeness, name)), _) if likeness > 0.85 => problem.help(format!("did you mean `{name}`?")),
        (_, Some(entry)) => problem.help(format!("`{key}` is an option elsewhere: `{}`", entry.name)),
        _ => problem.help(format!("known here: {}", siblings.join(", "))),
    }
}

/// Whether a value is what the table says; the error names what is allowed.
fn check(entry: &Entry, value: &DeValue<'_>) -> Result<(), ValueError> {
    let key = entry.name;
    let wrong = |what: String| Err(ValueError(format!("`{key}` {what}")));
    let text = value.as_str();
    let whole = value.as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
    match entry.kind {
        Kind::Text if text.is_some_and(|text| !text.is_empty()) => Ok(()),
        Kind::Text => wrong("must be text that is not empty".into()),
        Kind::OneOf(words) if text.is_some_and(|text| words.contains(&text)) => Ok(()),
        Kind::OneOf(words) => wrong(format!("must be {}", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" or "))),
        Kind::Flag if value.is_bool() => Ok(()),
        Kind::Flag => wrong("must be true or false".into()),
        Kind::True if value.as_bool() == Some(true) => Ok(()),
        Kind::True => wrong("can only be true: session ids always begin with the node's id".into()),
        Kind::Count(min, max) if whole.is_some_and(|number| (min..=max).contains(&number)) => Ok(()),
        Kind::Count(min, max) => wrong(format!("must be a whole number from {min} to {max}")),
        Kind::Duration(min, max, bare) => {
            let ms = match (text, whole) {
                (Some(text), _) => Some(u64::try_from(duration(text)?.as_millis()).unwrap_or(u64::MAX)),
                (None, Some(number)) if bare > 0 => Some(number.saturating_mul(bare)),
                _ => None,
            };
            let show = |ms| show_duration(std::time::Duration::from_millis(ms));
            match ms {
                Some(ms) if (min..=max).contains(&ms) => Ok(()),
                Some(_) => wrong(format!("must be from {} to {}", show(min), show(max))),
                None => wrong(format!("must be a duration from {} to {}, with its unit: \"4s\", \"250ms\"", show(min), show(max))),
            }
        }
        Kind::Size(min, max, bare) => {
            let bytes = match (text, whole) {
                (Some(text), _) => Some(size(text)?),
                (None, Some(number)) if bare > 0 => Some(number.saturating_mul(bare)),
                _ => None,
            };
            match bytes {
                Some(bytes) if (min..=max).contains(&bytes) => Ok(()),
                Some(_) => wrong(format!("must be from {} to {}", show_size(min), show_size(max))),
                None => wrong(format!("must be a size from {} to {}, with its unit: \"64KiB\"", show_size(min), show_size(max))),
            }
        }
        Kind::AddressOf => parsed::<Address>(key, text),
        Kind::UrlOf => parsed::<SwitchUrl>(key, text),
        Kind::StrategyOf => parsed::<StrategySource>(key, text),
        Kind::StoreOf => parsed::<StoreUrl>(key, text),
        Kind::Free => {
            let simple = |value: &DeValue<'_>| value.is_str() || value.is_integer() || value.is_float() || value.is_bool();
            match value.as_table() {
                Some(table) if table.values().all(|value| simple(value.get_ref())) => Ok(()),
                _ => wrong("must be a table of single values: { language = \"en\", retries = 3 }".into()),
            }
        }
    }
}

fn parsed<T: std::str::FromStr<Err = ValueError>>(key: &str, text: Option<&str>) -> Result<(), ValueError> {
    match text {
        Some(text) => text.parse::<T>().map(|_| ()),
        None => Err(ValueError(format!("`{key}` must be text"))),
    }
}
