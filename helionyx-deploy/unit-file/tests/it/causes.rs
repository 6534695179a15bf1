//! A mistake is named once, where editors show it, and what is right in its place is left alone.

use systemd_unit_file::{Code, Version, questions};

use super::rules::found;

#[test]
fn mounts_conditions_and_start_limits_are_judged_too() {
    for (line, expected) in [
        ("StartLimitBurst=0888", Some(Code::BadValue)),
        ("StartLimitBurst=010", Some(Code::Octal)),
        ("RequiresMountsFor=-/a", Some(Code::BadValue)),
        ("RequiresMountsFor=/a/../b", Some(Code::BadValue)),
        ("AssertFileIsExecutable=/a/../b", Some(Code::BadValue)),
        ("ConditionPathExists=!/a/../b", Some(Code::BadValue)),
        ("RequiresMountsFor=/a /b", None),
        ("ConditionPathExists=/a/./b", None),
    ] {
        let text = format!("[Unit]\n{line}\n[Service]\nExecStart=/bin/true\n");
        let expected: Vec<_> = expected.into_iter().map(|code| (2, code)).collect();
        assert_eq!(found("shop.service", text.as_bytes(), 252), expected, "{line:?}");
    }
}

#[test]
fn one_mistake_is_one_finding_at_the_line_that_editors_show() {
    for (text, expected) in [
        ("[Unit]\nDescription=a\rb\n[Service]\nExecStart=x", (2, Code::HiddenLine)),
        (
            "[Unit]\nDescription=a\r[X]\nAfter=b.target\n[Service]\nExecStart=/x",
            (2, Code::HiddenLine),
        ),
        ("[Unit]\nDescription=a\rUser=b\rUser=c\n[Service]\nExecStart=/x", (2, Code::HiddenLine)),
        ("[Service]\nExecStart=/bin/x\nRestart=always # c", (3, Code::Comment)),
        ("[Service]\nExecStart=/bin/x\nType=dbus # c", (3, Code::Comment)),
    ] {
        let text = text.replace("ExecStart=x", "ExecStart=/bin/x");
        assert_eq!(found("a.service", text.as_bytes(), 252), [expected], "{text:?}");
    }
    let text = "[Unit]\nDescription=a\rb\n[Service]\nExecStart=/bin/x\nNice=99\n";
    let expected = [(2, Code::HiddenLine), (5, Code::BadValue)];
    assert_eq!(found("a.service", text.as_bytes(), 252), expected);
}

#[test]
fn drop_ins_are_judged_as_parts_of_their_unit() {
    let name = "systemd/shop/shop.service.d/10-more.conf";
    for (text, expected) in [
        ("[Service]\nNice=5\n", None),
        ("", None),
        ("[Unit]\nRequires=db.service\n[Service]\nTimeoutStopSec=5\n", None),
        ("[Service]\nNice=99\n", Some(Code::BadValue)),
        ("[Service]\nUser=root\n", Some(Code::Root)),
        ("[Socket]\nBacklog=5\n", Some(Code::UnknownSection)),
    ] {
        let codes: Vec<_> = found(name, text.as_bytes(), 252).into_iter().map(|f| f.1).collect();
        assert_eq!(codes, expected.into_iter().collect::<Vec<_>>(), "{text:?}");
    }
}

#[test]
fn what_systemd_makes_and_what_only_an_instance_knows_is_not_asked_for() {
    let text = "[Unit]\nAfter=%i.service db@%i.service\n[Service]\nUser=%i\nStateDirectory=shop\n\
                WorkingDirectory=/var/lib/shop/x\nExecStart=/srv/%i/run\nExecStartPre=-/srv/x\n\
                ReadWritePaths=/srv/data\n";
    let asked = questions("a@.service", text.as_bytes(), Version(252));
    assert_eq!(asked.paths.iter().collect::<Vec<_>>(), ["/srv/data"]);
    assert_eq!(asked.units.iter().collect::<Vec<_>>(), ["db@instance.service"]);
    assert!(asked.users.is_empty(), "{:?}", asked.users);
}
