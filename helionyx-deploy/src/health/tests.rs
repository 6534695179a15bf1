use super::*;
use crate::host::Answer;
use crate::release::Probe;
use crate::state::Process;
use crate::time::Timestamp;

#[test]
fn an_answer_is_judged_by_status_and_fields() {
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    };
    let probe = Probe {
        port: None,
        path: "/health".into(),
        status: 200,
        fields: text(&[("status", "healthy"), ("port", "8000")]),
        fields_if_present: text(&[("environment", "dev")]),
    };
    for (status, body, expected) in [
        (200, r#"{"status":"healthy","port":8000}"#, Ok(())),
        (200, r#"{"status":"healthy","port":"8000","environment":"dev"}"#, Ok(())),
        (
            200,
            r#"{"status":"healthy","port":8000,"environment":"live"}"#,
            Err(r#"answers environment = "live" instead of "dev""#),
        ),
        (500, r#"{"status":"healthy"}"#, Err("answers 500 instead of 200")),
        (302, "", Err("answers 302 instead of 200")),
        (200, r#"{"port":8000}"#, Err("answers without `status`")),
        (200, "OK", Err("does not answer with a JSON object")),
        (200, "[]", Err("does not answer with a JSON object")),
    ] {
        let answer = Answer { status, body: body.into() };
        assert_eq!(judge(&probe, &answer), expected.map_err(str::to_owned), "{body} (HEL-26)");
    }
}

/// What `Environment=` of a unit says counts, whatever file it was started with (HEL-77).
#[test]
fn a_process_that_was_told_another_environment_is_not_the_service() {
    let id: ReleaseId = "20260101T000000Z-da4e1d7".parse().unwrap();
    for (told, expected) in [
        (Some("dev"), Ok(())),
        (None, Ok(())),
        (
            Some("live"),
            Err("web (pid 7 (web)) runs with the environment live instead of dev".to_owned()),
        ),
    ] {
        let marks = told.map(|told| (mark::ENVIRONMENT.to_owned(), told.to_owned()));
        let process = Process {
            key: ProcessKey { pid: 7, started_ticks: 1 },
            parent: 1,
            session: 7,
            uid: 998,
            command: vec!["web".to_owned()],
            cwd: Some(format!("/opt/shop/dev/releases/{id}").into()),
            exe: None,
            marks: marks.into_iter().collect(),
            output: None,
            since: Timestamp::from_millis(0),
            memory_bytes: 0,
        };
        let service: ServiceName = "web".parse().unwrap();
        let (service_of, release, role) = (Some(service.clone()), Some(id.clone()), Role::Main);
        let instance = Instance { process, service: service_of, release, role };
        let found = check_environment(&"dev".parse().unwrap(), &service, &[instance]);
        assert_eq!(found.map_err(|error| error.to_string()), expected, "HEL-77: {told:?}");
    }
}
