//! JSON schemas of the model files, made from the types that read them. No I/O.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::bounds::{Derived, Integer, Text};
use super::spanned::Spanned;
use super::spec::{AppSpec, EnvironmentSpec, Scalar};
use crate::template::Placeholder;

/// The schema of `app.toml`.
#[must_use]
pub fn app() -> Value {
    of::<AppSpec>("app.toml")
}

/// The schema of `<environment>.toml`.
#[must_use]
pub fn environment() -> Value {
    of::<EnvironmentSpec>("<environment>.toml")
}

/// Draft 7 without references: what editors for TOML understand best. Keys are sorted.
fn of<T: JsonSchema>(title: &str) -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let settings = settings.with_transform(RecursiveTransform(as_toml_has_it));
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), json!(title));
    let mut schema = schema.to_value();
    schema.sort_all_objects();
    schema
}

/// TOML has no null: a key is left out instead. Widths of numbers are a matter of ours.
fn as_toml_has_it(schema: &mut Schema) {
    schema.remove("format");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(any)) = schema.get_mut("anyOf") else { return };
    any.retain(|one| one.get("type").is_none_or(|name| name != "null"));
    if let [Value::Object(only)] = &any[..] {
        let only = only.clone();
        schema.remove("anyOf");
        for (key, value) in only {
            // What is said of the key comes before what is said of its type.
            if schema.get(&key).is_none() {
                schema.insert(key, value);
            }
        }
    }
}

impl<T: JsonSchema> JsonSchema for Spanned<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl JsonSchema for Scalar {
    fn schema_name() -> Cow<'static, str> {
        "Scalar".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "number", "boolean"] })
    }
}

impl Transform for Integer {
    fn transform(&mut self, schema: &mut Schema) {
        schema.insert("minimum".to_owned(), json!(self.min));
        schema.insert("maximum".to_owned(), json!(self.max));
        if let Some(default) = self.default {
            schema.insert("default".to_owned(), json!(default));
        }
    }
}

impl Transform for Text {
    fn transform(&mut self, schema: &mut Schema) {
        let names: Vec<_> = self.0.iter().map(|known| format!("`{{{}}}`", known.name())).collect();
        let names = match self.0.len() == Placeholder::ALL.len() {
            true => "all".to_owned(),
            false => names.join(", "),
        };
        let said = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let said = format!("{said} Placeholders: {names}.");
        schema.insert("description".to_owned(), json!(said.trim_start()));
    }
}

impl Transform for Derived {
    fn transform(&mut self, schema: &mut Schema) {
        schema.insert("default".to_owned(), json!(self.default));
        self.text.transform(schema);
    }
}

#[cfg(test)]
mod tests {
    use camino::Utf8Path;
    use toml::{Table, Value as Toml};

    use super::*;
    use crate::model::{Catalog, Finding, SourceFile};

    const APP: &str = include_str!("../../../envs/sample/app.toml");
    const LOCAL: &str = include_str!("../../../envs/sample/local.toml");

    fn findings(app: &str, local: &str) -> Vec<Finding> {
        let file = |name: &str, text: &str| SourceFile {
            path: format!("envs/sample/{name}.toml"),
            text: text.to_owned(),
        };
        let files = [file("app", app), file("local", local)];
        Catalog::parse(&files, Utf8Path::new("/home/jane/project")).1
    }

    /// Calls back for every table of a schema.
    fn visit(schema: &Value, seen: &mut impl FnMut(&Value)) {
        if !schema.is_object() {
            return;
        }
        seen(schema);
        let inner = schema["properties"].as_object().into_iter().flatten().map(|(_, inner)| inner);
        for inner in inner.chain([&schema["items"], &schema["additionalProperties"]]) {
            visit(inner, seen);
        }
    }

    /// The model without one required key each time, with that key's name.
    fn without_one(schema: &Value, model: &Toml) -> Vec<(String, Toml)> {
        let mut fewer = Vec::new();
        match model {
            Toml::Table(table) => {
                for (key, value) in table {
                    if schema["required"].as_array().is_some_and(|keys| keys.contains(&json!(key)))
                    {
                        let mut rest = table.clone();
                        rest.remove(key);
                        fewer.push((key.clone(), Toml::Table(rest)));
                    }
                    let inner = schema["properties"].get(key);
                    let inner = inner.unwrap_or(&schema["additionalProperties"]);
                    for (name, less) in without_one(inner, value) {
                        let mut changed = table.clone();
                        changed.insert(key.clone(), less);
                        fewer.push((name, Toml::Table(changed)));
                    }
                }
            }
            Toml::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    for (name, less) in without_one(&schema["items"], value) {
                        let mut changed = array.clone();
                        changed[index] = less;
                        fewer.push((name, Toml::Array(changed)));
                    }
                }
            }
            _ => {}
        }
        fewer
    }

    #[test]
    fn tables_are_closed_and_every_key_says_what_it_means() {
        let mut keys = 0;
        for schema in [app(), environment()] {
            visit(&schema, &mut |schema| {
                for word in ["$ref", "anyOf", "format"] {
                    assert!(schema.get(word).is_none(), "{word} in {schema:#}");
                }
                assert!(!schema["type"].to_string().contains("\"null\""), "{schema:#}");
                let Some(properties) = schema["properties"].as_object() else { return };
                assert_eq!(schema["additionalProperties"], json!(false), "{schema:#}");
                for (key, schema) in properties {
                    let meaning = schema["description"].as_str().unwrap_or_default();
                    assert!(meaning.ends_with('.'), "{key}: {meaning:?}");
                    keys += 1;
                }
            });
        }
        assert!(keys > 35, "only {keys} keys seen");
    }

    #[test]
    fn validation_misses_every_key_that_the_schema_requires() {
        assert_eq!(findings(APP, LOCAL), []);
        let model = |text: &str| Toml::Table(text.parse::<Table>().unwrap());
        let mut tried = Vec::new();
        for (key, less) in without_one(&app(), &model(APP)) {
            assert!(!findings(&less.to_string(), LOCAL).is_empty(), "{key} is not missed");
            tried.push(key);
        }
        for (key, less) in without_one(&environment(), &model(LOCAL)) {
            assert!(!findings(APP, &less.to_string()).is_empty(), "{key} is not missed");
            tried.push(key);
        }
        for key in ["name", "source", "service", "dir", "run", "exec", "probe", "path", "kind"] {
            assert!(tried.iter().any(|tried| tried == key), "{key} was not tried");
        }
    }

    #[test]
    fn validation_asks_for_no_key_beyond_those_that_the_schema_requires() {
        let app = "name = \"sample\"\n[source.path]\ndir = \"/src\"\n[[build]]\nname = \"b\"\n\
                   run = [\"make\"]\n[[service]]\nname = \"web\"\nexec = [\"/bin/web\"]\n\
                   [service.health]\n[[service.health.probe]]\npath = \"/\"\n\
                   [variables.A]\nkind = \"secret\"\n";
        let local = "supervisor = \"process\"\nport = 8000\n";
        assert_eq!(findings(app, local), [], "only `port` is more: the probe needs it");
        let table = Toml::Table(app.parse().unwrap());
        let required = without_one(&super::app(), &table).len();
        assert_eq!(required, 11, "all of these are required by the schema, too");
    }
}
