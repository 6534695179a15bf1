//! The layer rule of docs/architecture.md: a module uses lower layers only.

use std::collections::BTreeMap;

/// The modules, lowest layer first; those in one row may use each other.
/// Below all of them is the crate `systemd-unit-file`, which cannot use one that uses it.
const LAYERS: [&[&str]; 11] = [
    &["digest", "name", "secret", "template", "time"],
    &["command", "hint", "layout", "model", "release", "state"],
    &["render", "tool"],
    &["plan"],
    &["event"],
    &["host"],
    &["journal"],
    &["supervise"],
    &["observe", "health", "source", "isolation", "apply", "operate"],
    &["check", "status", "logs", "history", "releases"],
    &["cli", "simulation"],
];

#[test]
fn modules_use_lower_layers_only() {
    let layer: BTreeMap<&str, usize> = LAYERS
        .iter()
        .enumerate()
        .flat_map(|(index, modules)| modules.iter().map(move |module| (*module, index)))
        .collect();
    let mut seen = 0;
    for (file, text) in sources() {
        let module = file.split(['/', '.']).next().unwrap();
        if matches!(module, "lib" | "main") {
            continue;
        }
        let own = *layer.get(module).unwrap_or_else(|| panic!("{module} has no layer: add it"));
        for used in used_modules(&text) {
            let Some(other) = layer.get(used.as_str()) else { continue };
            assert!(other <= &own, "{file} uses {used}, which is in a higher layer");
            seen += 1;
        }
    }
    assert!(seen > 100, "only {seen} uses found: the search is broken");
}

/// The modules after `crate::`, also in groups, outside of comments and tests.
fn used_modules(text: &str) -> Vec<String> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.collect::<Vec<_>>().join("\n");
    let word = |rest: &str| {
        rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>()
    };
    code.split("crate::").skip(1).map(word).filter(|word| !word.is_empty()).collect()
}

fn sources() -> Vec<(String, String)> {
    let root = camino::Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut open = vec![root.clone()];
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir_utf8().expect("the sources are here") {
            let path = entry.unwrap().into_path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension() == Some("rs") {
                let text = fs_err::read_to_string(&path).unwrap();
                found.push((path.strip_prefix(&root).unwrap().to_string(), text));
            }
        }
    }
    found
}
