//! Logs in files, read on a machine in memory.

use camino::Utf8Path;

use super::*;
use crate::host::{FakeHost, LocalHost};
use crate::model::{Catalog, SourceFile};

const APP: &str = r#"
name = "shop"
[source.path]
dir = "/src"
[[service]]
name = "api"
exec = ["{release}/bin/api"]
[[service]]
name = "web"
exec = ["{release}/bin/web"]
"#;

fn environment() -> Environment {
    let models = [("app.toml", APP), ("dev.toml", "supervisor = \"process\"\n")];
    let models = models.map(|(name, text)| SourceFile {
        path: Utf8Path::new("envs/shop").join(name).into_string(),
        text: text.to_owned(),
    });
    let (catalog, findings) = Catalog::parse(&models, "/project".into());
    assert_eq!(findings, []);
    catalog.select(Some("shop/dev")).unwrap().clone()
}

/// What is told, a line for each event; `meanwhile` sees each before it is noted.
fn read(
    host: &FakeHost,
    query: &LogQuery,
    mut meanwhile: impl FnMut(&LogEvent),
) -> Result<Vec<String>, LogError> {
    let mut told = Vec::new();
    open(host, &environment(), query)?.read(host, &mut |event| {
        meanwhile(&event);
        told.push(match event {
            LogEvent::Files { files } => {
                let there = files.iter().filter(|file| file.exists).count();
                format!("{there} of {} files", files.len())
            }
            LogEvent::Line { service, bytes } => {
                let text = String::from_utf8_lossy(&bytes);
                format!("{}: {text}", service.unwrap())
            }
        });
    })?;
    Ok(told)
}

fn log(service: &str) -> Utf8PathBuf {
    environment().layout.log(&service.parse().unwrap())
}

#[test]
fn the_last_lines_of_each_service_are_told_in_the_order_of_the_services() {
    let host = FakeHost::new();
    let query = LogQuery { lines: 2, ..LogQuery::default() };
    assert_eq!(read(&host, &query, |_| ()).unwrap(), ["0 of 2 files"]);
    host.put_file(log("web"), "1\n2\n3\n", 0o640);
    assert_eq!(read(&host, &query, |_| ()).unwrap(), ["1 of 2 files", "web: 2", "web: 3"]);
    host.put_file(log("api"), "4\n", 0o640);
    let told = read(&host, &query, |_| ()).unwrap();
    assert_eq!(told, ["2 of 2 files", "api: 4", "web: 2", "web: 3"]);
}

#[test]
fn a_followed_log_is_told_through_moves_and_cuts_until_an_interrupt() {
    let host = FakeHost::new();
    host.put_file(log("web"), "1\n", 0o640);
    let query = LogQuery { lines: 9, follow: true, ..LogQuery::default() };
    let add = |line: &str| host.append(&log("web"), line.as_bytes()).unwrap();
    let told = read(&host, &query, |event| {
        let LogEvent::Line { bytes, .. } = event else { return };
        match &**bytes {
            b"1" => add("2\n"),
            b"2" => host.put_file(log("web"), "3, in another file\n", 0o640),
            b"3, in another file" => {
                host.truncate(&log("web"), 0).unwrap();
                host.put_file(log("api"), "4\n", 0o640);
            }
            b"4" => {
                add("5\n");
                host.interrupt();
            }
            _ => {}
        }
    });
    let expected =
        ["1 of 2 files", "web: 1", "web: 2", "web: 3, in another file", "api: 4", "web: 5"];
    assert_eq!(told.unwrap(), expected);
}

#[test]
fn what_was_written_before_a_log_was_moved_away_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let path = Utf8Path::from_path(dir.path()).unwrap().join("web.log");
    let host = LocalHost::new();
    host.append(&path, b"a\nb").unwrap();
    let tail = Tail::open(&host, &path).unwrap();
    let mut source = Source { service: "web".parse().unwrap(), path: path.clone(), tail };
    let mut more = || {
        let lines = source.more(&host).unwrap().into_iter();
        lines.map(|line| String::from_utf8(line).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(more(), ["a"]);
    host.append(&path, b"b\nc\ntorn").unwrap();
    fs_err::rename(&path, path.with_extension("old")).unwrap();
    assert_eq!(more(), ["bb", "c"], "another file is not there yet");
    host.append(&path, b"d\n").unwrap();
    assert_eq!(more(), ["torn", "d"]);
}

#[test]
fn from_when_it_is_opened_nothing_is_told_that_was_there() {
    let host = FakeHost::new();
    host.put_file(log("web"), "before\n", 0o640);
    let query = LogQuery { since: Some(Since::Opened), follow: true, ..LogQuery::default() };
    let mut opened = open(&host, &environment(), &query).unwrap();
    host.append(&log("web"), b"after\n").unwrap();
    host.interrupt();
    let mut lines = Vec::new();
    opened
        .read(&host, &mut |event| {
            if let LogEvent::Line { bytes, .. } = event {
                lines.push(bytes);
            }
        })
        .unwrap();
    assert_eq!(lines, [b"after"], "HEL-29");
}

#[test]
fn lines_without_time_and_priority_cannot_be_chosen_by_them() {
    let since = Some(Since::Time("yesterday".to_owned()));
    let priority = Some("warning".to_owned());
    for (query, filter) in [
        (LogQuery { since, ..LogQuery::default() }, "--since"),
        (LogQuery { priority, ..LogQuery::default() }, "--priority"),
    ] {
        let error = read(&FakeHost::new(), &query, |_| ()).unwrap_err();
        let why = format!(
            "{filter} cannot be answered for shop/dev: the embedded runtime keeps plain lines"
        );
        assert_eq!(error.to_string(), why);
    }
}
