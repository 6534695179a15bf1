use serde_json::Value;

use super::*;

/// Journals and kept plans of all versions hold steps in this form.
#[test]
fn steps_are_written_as_they_always_were() {
    let service = r#"{"name":"web","exec":["/x"],"directory":"/r","environment_files":[],"port":8000,
        "limits":{"stop_timeout_ms":1,"start_burst":2,"start_interval_ms":3},"health":null"#;
    let unit = r#"{"name":"web-dev.service","text":"[Unit]\n"}"#;
    let release = "20261121T011037Z-aaaaaaa";
    let start = format!(r#"{{"start-service":{{"service":{service}}},"release":"{release}"}}}}"#);
    let managed = format!(
        r#"{{"prove-service":{{"service":{service},"unit":{unit}}},"release":"{release}"}}}}"#
    );
    for (text, phase) in [
        (r#"{"create-directory":{"path":"/d","mode":493}}"#, Phase::Prepare),
        (r#"{"create-directory":{"path":"/d","mode":488,"owner":"shop"}}"#, Phase::Prepare),
        (r#"{"remove-file":{"path":"/d"}}"#, Phase::Housekeeping),
        (r#"{"begin-release":{"release":"20261121T011037Z-aaaaaaa"}}"#, Phase::Prepare),
        (
            r#"{"remove-release":{"release":"20261121T011037Z-aaaaaaa","because":"old"}}"#,
            Phase::Housekeeping,
        ),
        (r#"{"switch-current":{"from":null,"to":"20261121T011037Z-aaaaaaa"}}"#, Phase::Noticeable),
        (r#"{"withdraw-proof":{"release":"20261121T011037Z-aaaaaaa"}}"#, Phase::Prepare),
        (r#"{"stop-service":{"service":"web","timeout_ms":10000}}"#, Phase::Noticeable),
        (
            r#"{"stop-service":{"service":"web","timeout_ms":1,"unit":"web-dev.service"}}"#,
            Phase::Noticeable,
        ),
        (&start, Phase::Noticeable),
        (&managed, Phase::Noticeable),
        (r#"{"create-user":{"user":"shop","home":"/h"}}"#, Phase::Prepare),
        (r#""reload-units""#, Phase::Noticeable),
        (r#""remove-tool""#, Phase::Housekeeping),
        (r#"{"install-tool":{"program":"/p"}}"#, Phase::Guard),
        (r#"{"arm-recovery":{"timer":"recover-shop.dev.timer"}}"#, Phase::Guard),
        (r#"{"disarm-recovery":{"timer":"recover-shop.dev.timer"}}"#, Phase::Housekeeping),
    ] {
        let step: Step = serde_json::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let (written, read) = (serde_json::to_value(&step), serde_json::from_str::<Value>(text));
        assert_eq!(written.unwrap(), read.unwrap());
        assert_eq!(step.phase(), phase, "{step}");
    }
}
