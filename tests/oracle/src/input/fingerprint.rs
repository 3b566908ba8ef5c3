//! Whether two bodies are equal, without keeping them: record and journal hold the same body in two files.

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// Equal for equal JSON, whatever the order of its keys.
pub(crate) fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    feed(value, &mut hasher);
    hasher.finish()
}

fn feed(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hasher),
        Value::Bool(value) => (1_u8, value).hash(hasher),
        Value::Number(number) => (2_u8, number.to_string()).hash(hasher),
        Value::String(text) => (3_u8, text).hash(hasher),
        Value::Array(list) => {
            (4_u8, list.len()).hash(hasher);
            list.iter().for_each(|value| feed(value, hasher));
        }
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            (5_u8, entries.len()).hash(hasher);
            for (key, value) in entries {
                key.hash(hasher);
                feed(value, hasher);
            }
        }
    }
}

/// A body: the name of its case, and what the case holds (null for a case that holds nothing).
pub(crate) fn case(body: Value) -> Result<(Box<str>, Value), String> {
    match body {
        Value::String(name) => Ok((name.into(), Value::Null)),
        Value::Object(map) if map.len() == 1 => {
            let first = map.into_iter().next().map(|(name, held)| (name.into_boxed_str(), held));
            first.ok_or_else(|| "an empty body".to_owned())
        }
        other => Err(format!("a body is a case's name, or an object with that one key; found {other}")),
    }
}

/// A field of a case that must be text.
pub(crate) fn text<'a>(case: &str, held: &'a Value, field: &str) -> Result<&'a str, String> {
    held.get(field).and_then(Value::as_str).ok_or_else(|| format!("`{case}` has no text `{field}`"))
}

/// A field of a case that must be a whole number, not negative.
pub(crate) fn number(case: &str, held: &Value, field: &str) -> Result<u64, String> {
    held.get(field).and_then(Value::as_u64).ok_or_else(|| format!("`{case}` has no number `{field}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_keys_is_no_difference_and_everything_else_is() {
        let parse = |text| fingerprint(&serde_json::from_str(text).unwrap());
        assert_eq!(parse(r#"{"a":1,"b":[2,null]}"#), parse(r#"{ "b": [2, null], "a": 1 }"#));
        let all =
            [json!(null), json!(0), json!("0"), json!([]), json!({}), json!([1, 2]), json!([2, 1]), json!({"a": 1}), json!({"a": "1"})];
        for (i, a) in all.iter().enumerate() {
            for (j, b) in all.iter().enumerate() {
                assert_eq!(fingerprint(a) == fingerprint(b), i == j, "{a} {b}");
            }
        }
    }
}
