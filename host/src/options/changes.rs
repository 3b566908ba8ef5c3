//! Which options differ between two files, by name.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;

use super::Options;

impl Options {
    /// The names of all options that have another value there, in order: `limits.state`, `routing-point[8000].strategy`.
    ///
    /// # Errors
    /// An option cannot be written down; a bug in Tandem.
    pub fn changed(&self, other: &Options) -> Result<BTreeSet<String>, toml::ser::Error> {
        let (own, others) = (named(self)?, named(other)?);
        let differs = |name: &&String| own.get(*name) != others.get(*name);
        Ok(own.keys().chain(others.keys()).filter(differs).cloned().collect())
    }
}

fn named(options: &Options) -> Result<BTreeMap<String, Value>, toml::ser::Error> {
    let mut all = BTreeMap::new();
    add(String::new(), Value::try_from(options)?, &mut all);
    Ok(all)
}

fn add(name: String, value: Value, all: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let name = if name.is_empty() { key } else { format!("{name}.{key}") };
                add(name, value, all);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.into_iter().enumerate() {
                // By what it is known by.
                let known = ["id", "number"].iter().find_map(|key| value.get(key)).map(|id| id.to_string().replace('"', ""));
                add(format!("{name}[{}]", known.unwrap_or_else(|| index.to_string())), value, all);
            }
        }
        value => {
            all.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::GOOD;
    use super::*;

    #[test]
    fn options_that_differ_are_named() {
        let read = |text: &str| Options::parse(text, "tandem.toml").unwrap().options;
        let good = read(GOOD);
        assert!(good.changed(&good).unwrap().is_empty());
        let other = format!("{}\n[limits]\nstate = \"1MiB\"\n", GOOD.replace("builtin:welcome", "builtin:survey"));
        let other = format!(
            "{other}[[routing-point]]\nnumber = \"8001\"\nswitch = \"main\"\nstrategy = \"builtin:survey\"\ndefault-route = \"9000\"\n"
        );
        let changed = good.changed(&read(&other)).unwrap();
        for name in ["limits.state", "routing-point[8000].strategy", "routing-point[8001].number"] {
            assert!(changed.contains(name), "{name} is not in {changed:?}");
        }
        assert!(changed.iter().all(|name| name == "limits.state" || name.starts_with("routing-point[")), "{changed:?}");
    }
}
