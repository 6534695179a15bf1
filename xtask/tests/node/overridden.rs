//! What systemd will really use is what was rendered, or it is said what is not and who changes it.

use xtask::node::Options;

use super::possible;
use super::site::Site;

const DIRECTORY: &str = "/etc/systemd/system";

/// A drop-in that systemd has read, until it is taken away.
fn add(site: &Site, path: &str, text: &str) {
    let script = format!(
        "mkdir -p $(dirname {DIRECTORY}/{path}) && printf '[Service]\\n{text}\\n' > {DIRECTORY}/{path} \
         && systemctl daemon-reload"
    );
    site.run(&["sh", "-c", &script]);
}

fn remove(site: &Site, path: &str) {
    let script = format!("rm -r $(dirname {DIRECTORY}/{path}) && systemctl daemon-reload");
    site.run(&["sh", "-c", &script]);
}

/// What `status` finds, as `code: message`.
fn findings(site: &Site, environment: &str) -> Vec<String> {
    let status = site.tool(&["status", "--env", environment]);
    let findings = status.lines[0]["findings"].as_array().unwrap().clone();
    let told = findings.iter().map(|one| {
        let text = |key: &str| one[key].as_str().unwrap().to_owned();
        format!("{}: {}", text("code"), text("message"))
    });
    told.collect()
}

#[test]
fn what_a_drop_in_changes_is_named_with_its_value_and_a_release_that_would_not_run_is_refused() {
    if !possible(Options::default()) {
        return;
    }
    let site = Site::deployed("overridden", Options::default(), &["dev", "staging", "live"]);
    for environment in ["dev", "staging", "live"] {
        assert_eq!(findings(&site, environment), [] as [&str; 0], "HEL-77: no false alarm");
    }
    a_limit_is_a_warning(&site);
    a_value_of_no_matter_is_only_named(&site);
    a_program_is_refused(&site);
    a_program_that_systemd_has_not_read_is_found_before_it_starts(&site);
}

/// A drop-in for a prefix of names: it changes two units, and a deploy goes on with a warning.
fn a_limit_is_a_warning(site: &Site) {
    let path = "helionyx-.service.d/limit.conf";
    add(site, path, "MemoryMax=640M");
    let file = format!("{DIRECTORY}/{path}");
    for (environment, unit) in [("dev", "helionyx-dev"), ("staging", "helionyx-staging")] {
        let expected = [
            format!("drop-in: {file} changes {unit}.service"),
            format!("unit-overridden: {unit}.service: MemoryMax is 640M, not 1024M (from {file})"),
        ];
        assert_eq!(findings(site, environment), expected, "HEL-77");
    }
    assert_eq!(findings(site, "live"), [] as [&str; 0], "HEL-77: its unit has not this prefix");
    let check = site.tool(&["check", "--env", "dev"]);
    let codes: Vec<&str> = check.lines.iter().filter_map(|line| line["code"].as_str()).collect();
    assert!(check.code == 3 && codes.contains(&"unit-overridden"), "HEL-77: {codes:?}");
    site.commit("none");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(
        (ended.code, &ended.report()["outcome"]),
        (0, &"deployed".into()),
        "HEL-77: it is somebody's own decision: {}",
        ended.stderr
    );
    let warned = ended.lines.iter().any(|line| {
        line["event"] == "warning" && line["message"].to_string().contains("MemoryMax is 640M")
    });
    assert!(warned, "HEL-77: {:?}", ended.lines);
    remove(site, path);
    assert_eq!(findings(site, "dev"), [] as [&str; 0], "HEL-77");
}

fn a_value_of_no_matter_is_only_named(site: &Site) {
    let path = "helionyx-dev.service.d/nice.conf";
    add(site, path, "Nice=5");
    let named = format!("drop-in: {DIRECTORY}/{path} changes helionyx-dev.service");
    assert_eq!(findings(site, "dev"), [named], "HEL-77");
    remove(site, path);
}

/// Known before anything is done: refused, and the service runs on.
fn a_program_is_refused(site: &Site) {
    let path = "helionyx-dev.service.d/program.conf";
    let pid = site.run(&["systemctl", "show", "-P", "MainPID", "helionyx-dev"]);
    add(site, path, "ExecStart=\\nExecStart=/bin/sleep 1000");
    site.commit("none again");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    let refusals = ended.report()["refusals"].to_string();
    assert_eq!(ended.code, 1, "HEL-77: {}", ended.stderr);
    assert!(
        refusals.contains("unit-overridden")
            && refusals.contains("ExecStart is /bin/sleep, not /opt/helionyx/dev/current/.venv"),
        "HEL-77: {refusals}"
    );
    let now = site.run(&["systemctl", "show", "-P", "MainPID", "helionyx-dev"]);
    assert_eq!(now, pid, "HEL-36: the service was left alone");
    remove(site, path);
}

/// What systemd reads only in the course of the deploy is found before the new release starts, and
/// the release before is back.
fn a_program_that_systemd_has_not_read_is_found_before_it_starts(site: &Site) {
    let path = "helionyx-dev.service.d/files.conf";
    let file = format!("{DIRECTORY}/{path}");
    // systemd looks only into directories that were there when it read its units.
    add(site, "helionyx-dev.service.d/nice.conf", "Nice=5");
    let script = format!("printf '[Service]\\nEnvironmentFile=/etc/os-release\\n' > {file}");
    site.run(&["sh", "-c", &script]);
    site.commit("none once more");
    let ended = site.tool(&["deploy", "--env", "dev"]);
    let error = ended.report()["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!((ended.code, &ended.report()["outcome"]), (6, &"rolled-back".into()), "{error}");
    assert!(error.contains("helionyx-dev.service would not run this release: EnvironmentFile"));
    assert!(error.contains(&file), "HEL-77: {error}");
    remove(site, path);
    let ended = site.tool(&["deploy", "--env", "dev"]);
    assert_eq!(ended.report()["outcome"], "deployed", "HEL-77: {}", ended.stderr);
    assert_eq!(findings(site, "dev"), [] as [&str; 0], "HEL-77");
}
