use super::*;

/// Something with a hint, as findings and refusals are.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Found {
    code: String,
    #[serde(flatten)]
    hint: Hint,
}

/// A hint of every kind of part, with what nobody should take for a command of ours in it.
fn hints() -> Vec<(Hint, &'static str, &'static str)> {
    let id = "deploy/stop";
    vec![
        (Hint::default(), "", ""),
        ("".into(), "", ""),
        (
            "run `deploy` as it stands".into(),
            "run `deploy` as it stands",
            "run `deploy` as it stands",
        ),
        (
            hint!("look at ", command_for("logs", id), ", then ", command(["deploy"])),
            "look at `logs --env deploy/stop`, then `deploy`",
            "look at `x y logs --env deploy/stop`, then `x y deploy`",
        ),
        (
            hint!("run ", shell(["systemctl", "restart", "a b.service"])),
            "run `systemctl restart 'a b.service'`",
            "run `systemctl restart 'a b.service'`",
        ),
        (
            hint!("run ", shell(["restart", "--env", id]), " of another program"),
            "run `restart --env deploy/stop` of another program",
            "run `restart --env deploy/stop` of another program",
        ),
        (
            hint!("did you mean ", code("restart"), format!("? not `{id}`")),
            "did you mean `restart`? not `deploy/stop`",
            "did you mean `restart`? not `deploy/stop`",
        ),
        (
            command(["env-file", "check", "/a b/`stop`", "--env", id]).into(),
            "`env-file check '/a b/`stop`' --env deploy/stop`",
            "`x y env-file check '/a b/`stop`' --env deploy/stop`",
        ),
    ]
}

#[test]
fn only_a_command_of_ours_is_shown_with_our_programs_name() {
    for (hint, plain, shown) in hints() {
        assert_eq!(hint.to_string(), plain);
        assert_eq!(hint.shown("x y"), shown);
        assert_eq!(hint.is_empty(), plain.is_empty());
    }
}

#[test]
fn a_hint_travels_whole_and_can_be_read_on_the_way() {
    for (hint, plain, shown) in hints() {
        let found = Found { code: "code".to_owned(), hint };
        let value = serde_json::to_value(&found).unwrap();
        assert_eq!(value["hint"], plain);
        let text = serde_json::to_string(&found).unwrap();
        let back: Found = serde_json::from_str(&text).unwrap();
        assert_eq!(back, found, "{text}");
        assert_eq!(back.hint.shown("x y"), shown);
    }
    let old: Found = serde_json::from_str(r#"{"code": "code", "hint": "run `deploy`"}"#).unwrap();
    assert_eq!(old.hint, "run `deploy`".into(), "what was written before parts were");
    let none: Found = serde_json::from_str(r#"{"code": "code"}"#).unwrap();
    assert!(none.hint.is_empty());
}

#[test]
fn texts_side_by_side_are_one() {
    let one: Hint = "look, then go on".into();
    let two = hint!("look", ", then").and(hint!("", " go on"));
    assert_eq!(one, two);
    assert_eq!(one.parts().len(), 1);
    let command = hint!("a ").and(command(["status"])).and("");
    assert_eq!(command.parts().len(), 2);
}
