//! The options fingerprint: what both instances of a node must have set alike, compared in the synch link's handshake.
//!
//! A list of (name, hash of the value), so that a refusal can name what differs. Which options those are, [`super::table`] says.

use sha2::{Digest, Sha256};
use tandem_synch_link::{Fingerprint, OptionHash};
use toml::Value;

use super::{
    Options,
    table::{OPTIONS, Pair},
    values::{StoreUrl, StrategySource},
};

impl Options {
    /// The hashes of all options that must be equal in the pair, in the order of the table.
    ///
    /// # Errors
    /// An option cannot be written down; a bug in Tandem.
    pub fn fingerprint(&self) -> Result<Fingerprint, toml::ser::Error> {
        let values = Value::try_from(self.without_places())?;
        let mut options = Vec::new();
        // Where something stands several times: what there is, so that one that is missing is found.
        let ids = |section: &str| instances(&values, section).into_iter().map(|(id, _)| id).collect::<Vec<_>>().join(" ");
        for section in SECTIONS {
            options.push(OptionHash { name: section.to_owned(), hash: hash(&ids(section)) });
        }
        for entry in OPTIONS.iter().filter(|entry| entry.pair == Pair::Equal) {
            let section = SECTIONS.iter().find(|section| entry.name.split('.').next() == Some(section));
            let Some(section) = section else {
                options.push(option(entry.name.to_owned(), Some(&values), entry.name));
                continue;
            };
            let keys = entry.name.trim_start_matches(section).trim_start_matches(".NAME").trim_start_matches('.');
            for (id, instance) in instances(&values, section) {
                options.push(option(format!("{section}[{id}].{keys}"), Some(instance), keys));
            }
        }
        Ok(Fingerprint { options })
    }

    /// Paths may differ from machine to machine: the store is known by its id, a component by its version.
    fn without_places(&self) -> Options {
        let mut options = self.clone();
        if let StoreUrl::Sqlite(_) = options.persistence.store() {
            options.persistence.set_store(StoreUrl::Sqlite("the one with the same id".into()));
        }
        for point in &mut options.routing_points {
            if let StrategySource::File(path) = &mut point.strategy {
                *path = path.file_name().map(Into::into).unwrap_or_default();
            }
        }
        options
    }
}

/// Sections that may stand several times.
const SECTIONS: [&str; 3] = ["node", "switch", "routing-point"];

/// What stands several times, by what it is known by.
fn instances<'a>(values: &'a Value, section: &str) -> Vec<(String, &'a Value)> {
    let text =
        |value: Option<&Value>| value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default();
    match values.get(section) {
        Some(Value::Table(named)) => named.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Some(Value::Array(items)) if section == "node" => items.iter().map(|item| (text(item.get("id")), item)).collect(),
        Some(Value::Array(items)) => {
            let id = |item: &Value| format!("{}@{}", text(item.get("number")), text(item.get("switch")));
            items.iter().map(|item| (id(item), item)).collect()
        }
        _ => Vec::new(),
    }
}

fn option(name: String, mut value: Option<&Value>, keys: &str) -> OptionHash {
    for key in keys.split('.') {
        value = value.and_then(|value| value.get(key));
    }
    let hash = hash(&value.map_or_else(|| "not set".to_owned(), ToString::to_string));
    OptionHash { name, hash }
}

fn hash(text: &str) -> u64 {
    Sha256::digest(text).iter().take(8).fold(0, |hash, byte| (hash << 8) | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
[cluster]
name = "cc1"
[persistence]
store = "sqlite:cc1.db"
[[node]]
id = 101
a = { synch = "127.0.0.1:7101" }
b = { synch = "127.0.0.1:7102" }
[switch.main]
url = "ws://127.0.0.1:7400"
[[routing-point]]
number = "8000"
switch = "main"
strategy = "folder/bank.wasm"
default-route = "9000"
"#;

    fn fingerprint(text: &str, path: &str) -> Fingerprint {
        Options::parse(text, path).unwrap_or_else(|wrong| panic!("{wrong:?}")).options.fingerprint().unwrap()
    }

    fn differing(text: &str) -> Vec<String> {
        fingerprint(FILE, "tandem.toml").differing(&fingerprint(text, "tandem.toml"))
    }

    #[test]
    fn the_same_file_in_another_folder_is_the_same() {
        assert_eq!(fingerprint(FILE, "tandem.toml"), fingerprint(FILE, "/etc/tandem/tandem.toml"));
    }

    #[test]
    fn what_differs_has_its_name() {
        for (from, to, name) in [
            ("\"cc1\"", "\"cc2\"", "cluster.name"),
            ("7102\" }", "7102\", admin = \"127.0.0.1:9102\" }", "node[101].b.admin"),
            (":7400", ":7401", "switch[main].url"),
            ("9000", "9001", "routing-point[8000@main].default-route"),
            ("bank.wasm", "bench.wasm", "routing-point[8000@main].strategy"),
            ("\"9000\"\n", "\"9000\"\nparameters = { retries = 3 }\n", "routing-point[8000@main].parameters"),
            ("\"9000\"\n", "\"9000\"\ncontrol-deadline = \"3s\"\n", "routing-point[8000@main].control-deadline"),
            ("\"9000\"\n", "\"9000\"\n[lease]\ntimeout = \"3s\"\n", "lease.timeout"),
            ("\"9000\"\n", "\"9000\"\n[orchestration]\nsession-restart-quota = 9\n", "orchestration.session-restart-quota"),
        ] {
            assert!(FILE.contains(from));
            assert_eq!(differing(&FILE.replace(from, to)), [name], "{to}");
        }
    }

    #[test]
    fn what_stands_several_times_and_is_missing_is_named() {
        let two = format!(
            "{FILE}[[routing-point]]\nnumber = \"8001\"\nswitch = \"main\"\nstrategy = \"builtin:survey\"\ndefault-route = \"9\"\n"
        );
        assert_eq!(differing(&two), ["routing-point"]);
    }

    #[test]
    fn what_each_instance_has_of_its_own_does_not_count() {
        // One may reach the other at another address than that one listens at.
        assert_eq!(differing(&FILE.replace("7102", "7103")), [""; 0]);
        for own in ["[sessions]\nprocessing-threads = 3", "[orchestration]\nbackup-synch-max-buffer = \"1MB\"", "[log]\nlevel = \"debug\""]
        {
            assert!(differing(&format!("{FILE}{own}\n")).is_empty(), "{own}");
        }
        assert!(differing(&FILE.replace("7400\"", "7400\"\nca = \"ca.pem\"")).is_empty());
        let files = "[tls]\ncertificate = \"b.pem\"\nkey = \"b.key\"\nclient-ca = \"ca.pem\"\n";
        assert!(differing(&format!("{FILE}{files}")).is_empty());
    }
}
