//! `docs/options.md` against the table, and the table against the structs.

use std::time::Duration;

use super::{
    Options,
    table::{Entry, Given, Kind, OPTIONS, Pair},
    values::{duration, show_duration, show_size, size},
};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/options.md");
const BEGIN: &str = "<!-- options: made from host/src/options/table.rs; UPDATE_EXPECT=1 cargo test writes it -->\n";
const END: &str = "<!-- end of options -->\n";

/// A file with only what must be there: everything else is default.
const MINIMAL: &str = r#"
    cluster.name = "cc1"
    persistence.store = "none"
    node = [{ id = 101, a = {} }]
    switch.NAME.url = "ws://127.0.0.1:7400"
    routing-point = [{ number = "8000", switch = "NAME", strategy = "builtin:welcome", default-route = "9000" }]
"#;

#[test]
fn every_documented_default_is_the_real_one() {
    let options = Options::parse(MINIMAL, "tandem.toml").unwrap().options;
    let real = toml::Value::try_from(&options).unwrap();
    for entry in OPTIONS {
        let mut value = Some(&real);
        for key in entry.name.split('.') {
            value = value.and_then(|value| match value {
                toml::Value::Array(items) => items.first().and_then(|item| item.get(key)),
                table => table.get(key),
            });
        }
        match (entry.given, value) {
            (Given::Default(documented), Some(real)) => assert_eq!(same(entry, documented), real_text(real), "{}", entry.name),
            (Given::Default(_), None) => panic!("{} has a documented default and no real one", entry.name),
            (Given::Unset(_), Some(real)) => {
                assert!(MINIMAL.contains("store") && matches!(entry.kind, Kind::StoreOf | Kind::Free), "{} is {real}", entry.name);
            }
            (Given::Unset(_), None) | (Given::Always, _) => {}
        }
    }
}

/// A documented default as serde writes it.
fn same(entry: &Entry, documented: &str) -> String {
    let number: Option<u64> = documented.parse().ok();
    match (entry.kind, number) {
        (Kind::Duration(_, _, unit), Some(number)) => show_duration(Duration::from_millis(number * unit)),
        (Kind::Size(_, _, unit), Some(number)) => show_size(number * unit),
        (Kind::Duration(..), None) => show_duration(duration(documented).unwrap()),
        (Kind::Size(..), None) => show_size(size(documented).unwrap()),
        _ => documented.to_owned(),
    }
}

fn real_text(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn the_document_lists_every_option() {
    let document = std::fs::read_to_string(DOCUMENT).unwrap();
    let (head, rest) = document.split_once(BEGIN).expect("docs/options.md has lost its mark for the table");
    let (table, tail) = rest.split_once(END).expect("docs/options.md has lost the mark behind its table");
    let wanted = rendered();
    if table != wanted && std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(DOCUMENT, format!("{head}{BEGIN}{wanted}{END}{tail}")).unwrap();
        return;
    }
    assert!(table == wanted, "docs/options.md tells another story than host/src/options/table.rs: run the tests once with UPDATE_EXPECT=1");
}

fn rendered() -> String {
    let mut text =
        String::from("| option | default | values | equal in the pair | what it does, and why |\n| --- | --- | --- | --- | --- |\n");
    for entry in OPTIONS {
        let given = match entry.given {
            Given::Default(value) => format!("`{value}`"),
            Given::Unset(words) => words.to_owned(),
            Given::Always => "must be written".into(),
        };
        let pair = if entry.pair == Pair::Equal { "yes" } else { "no" };
        text += &format!("| `{}` | {given} | {} | {pair} | {} |\n", entry.name, values(entry.kind), entry.meaning);
    }
    text
}

fn values(kind: Kind) -> String {
    let ms = |ms| show_duration(Duration::from_millis(ms));
    match kind {
        Kind::Text => "text".into(),
        Kind::OneOf(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        Kind::Flag => "`true`, `false`".into(),
        Kind::True => "`true`".into(),
        Kind::Count(min, max) => format!("{min} to {max}"),
        Kind::Duration(min, max, _) => format!("{} to {}", ms(min), ms(max)),
        Kind::Size(min, max, _) => format!("{} to {}", show_size(min), show_size(max)),
        Kind::AddressOf => "`\"HOST:PORT\"`".into(),
        Kind::UrlOf => "`\"ws://HOST:PORT\"`, `\"wss://…\"`".into(),
        Kind::StrategyOf => "`\"builtin:NAME\"`, a path".into(),
        Kind::StoreOf => "`\"sqlite:PATH\"`, `\"none\"`".into(),
        Kind::Free => "a table".into(),
    }
}
