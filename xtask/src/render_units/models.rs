//! The reference page of the models: their keys from the schemas, and placeholders. No I/O.

use helionyx_deploy::model::schema;
use helionyx_deploy::template::Placeholder;
use serde_json::Value;

use super::NOTICE;

/// The page.
pub fn page() -> String {
    let mut text = format!(
        "{NOTICE}\n\n# Models\n\n\
         `envs/<app>/app.toml` says what an app is, `envs/<app>/<environment>.toml` where it runs. \
         A key that does not stand here is refused. Editors that know TOML schemas (taplo, Even \
         Better TOML) complete and check these keys when a file begins with \
         `#:schema ../schema/app.json` or `#:schema ../schema/environment.json`. What is found \
         wrong in them stands in [findings](findings.md).\n"
    );
    for schema in [schema::app(), schema::environment()] {
        text += &format!("\n## `{}`\n", text_of(&schema, "title"));
        text += &section(&schema, "");
    }
    text + &placeholders()
}

/// A table's keys, then the tables in it.
fn section(schema: &Value, path: &str) -> String {
    let (rows, inner) = rows_and_tables(schema, path);
    let mut text = String::new();
    if !rows.is_empty() {
        text += "\n| key | type | default | meaning |\n|---|---|---|---|\n";
        text += &rows.concat();
    }
    for (header, meaning, path, table) in inner {
        text += &format!("\n### `{header}`\n\n{meaning}\n");
        text += &section(table, &path);
    }
    text
}

/// A table inside of another: its header, what it means, its path, its schema.
type Inner<'s> = (String, String, String, &'s Value);

/// What must be there comes first, then by name.
fn rows_and_tables<'s>(schema: &'s Value, path: &str) -> (Vec<String>, Vec<Inner<'s>>) {
    let (mut rows, mut inner) = (Vec::new(), Vec::new());
    let required = |key: &str| items(schema, "required").any(|required| required == key);
    let mut keys: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    keys.sort_by_key(|(key, _)| !required(key));
    for (key, schema) in keys {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let (items, values) = (&schema["items"], &schema["additionalProperties"]);
        let (header, path, table) = if schema["properties"].is_object() {
            (format!("[{path}]"), path, schema)
        } else if items["properties"].is_object() {
            (format!("[[{path}]]"), path, items)
        } else if values["properties"].is_object() {
            (format!("[{path}.NAME]"), format!("{path}.NAME"), values)
        } else {
            rows.push(row(key, schema, required(key)));
            continue;
        };
        let must = if required(key) { " Must be there." } else { "" };
        inner.push((header, format!("{}{must}", meaning(schema)), path, table));
    }
    (rows, inner)
}

fn row(key: &str, schema: &Value, required: bool) -> String {
    let default = match (&schema["default"], required) {
        (_, true) => "**required**".to_owned(),
        (Value::Null, false) => String::new(),
        (Value::String(text), false) => format!("`\"{text}\"`"),
        (other, false) => format!("`{other}`"),
    };
    format!("| `{key}` | {} | {default} | {} |\n", kind(schema), meaning(schema) + &choices(schema))
}

/// What each of several choices means.
fn choices(schema: &Value) -> String {
    let said = items(schema, "oneOf").filter(|one| one["description"].is_string());
    said.map(|one| format!("<br>{}: {}", choice(one), meaning(one))).collect()
}

/// A type in an operator's words.
fn kind(schema: &Value) -> String {
    if schema["oneOf"].is_array() {
        return items(schema, "oneOf").map(choice).collect::<Vec<_>>().join(", ");
    }
    if schema["type"].is_array() {
        return items(schema, "type").filter_map(Value::as_str).collect::<Vec<_>>().join(" or ");
    }
    match text_of(schema, "type") {
        "integer" => match (&schema["minimum"], &schema["maximum"]) {
            (Value::Null, _) | (_, Value::Null) => "integer".to_owned(),
            (min, max) => format!("integer, {min} to {max}"),
        },
        "array" => format!("list: {}", kind(&schema["items"])),
        "object" => format!("table of names: {}", kind(&schema["additionalProperties"])),
        other => other.to_owned(),
    }
}

/// One of several: a word, or a table with one key.
fn choice(schema: &Value) -> String {
    let words = || items(schema, "enum").filter_map(Value::as_str).chain(schema["const"].as_str());
    if words().next().is_some() {
        return words().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ");
    }
    let keys = schema["properties"].as_object().into_iter().flatten();
    let keys = keys.map(|(key, _)| format!("`{{ {key} = […] }}`"));
    keys.collect::<Vec<_>>().join(", ")
}

fn meaning(schema: &Value) -> String {
    cell(text_of(schema, "description"))
}

/// A text on one line that cannot end its cell.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn text_of<'s>(schema: &'s Value, key: &str) -> &'s str {
    schema[key].as_str().unwrap_or_default()
}

fn items<'s>(schema: &'s Value, key: &str) -> impl Iterator<Item = &'s Value> {
    schema[key].as_array().into_iter().flatten()
}

fn placeholders() -> String {
    let mut text = "\n## Placeholders\n\n\
                    They stand in texts; `{{` and `}}` are single braces. A key's meaning says \
                    which have a value there; where it names none, a placeholder is refused, and other \
                    braces are nothing special.\n\
                    \n| placeholder | stands for |\n|---|---|\n"
        .to_owned();
    for known in Placeholder::ALL {
        text += &format!("| `{{{}}}` | {} |\n", known.name(), cell(known.meaning()));
    }
    text
}
