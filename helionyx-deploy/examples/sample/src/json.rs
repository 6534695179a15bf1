//! JSON objects whose fields stay in the order they are given, so that a
//! person reading a log line meets the name of the event first.

use serde_json::Value;

/// One object, on one line.
pub fn object(fields: &[(&str, Value)]) -> String {
    let fields: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}:{value}", Value::from(*name))).collect();
    format!("{{{}}}", fields.join(","))
}

#[cfg(test)]
mod tests {
    use super::object;

    #[test]
    fn fields_keep_their_order_and_are_escaped() {
        let text = object(&[("z", "a\"b\nc".into()), ("a", 1.into())]);
        assert_eq!(text, r#"{"z":"a\"b\nc","a":1}"#);
    }
}
