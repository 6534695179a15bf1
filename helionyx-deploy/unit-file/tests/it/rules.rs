//! Each mistake is named, at its line, and units that are right are left alone.

use systemd_unit_file::{Code, Options, Policy, Version, lint, questions};

/// What is found in a unit, and at which lines.
pub fn found(file: &str, text: &[u8], version: u16) -> Vec<(usize, Code)> {
    let options = Options::new(Version(version));
    let findings = lint(file, text, &options);
    for finding in &findings {
        assert!(!finding.hint.is_empty(), "no remedy: {finding}");
        assert!(!finding.to_string().contains("hunter2"), "ALL-04: {finding}");
    }
    findings.into_iter().map(|finding| (finding.line, finding.code)).collect()
}

/// A line at the end of `[Service]`, which is line 5.
fn service(line: &str) -> Vec<(usize, Code)> {
    let text = format!("[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n{line}\n");
    found("/etc/systemd/system/shop.service", text.as_bytes(), 252)
}

/// A line of `[Service]`, and what is wrong with it.
const MISTAKES: &[(&str, Code)] = &[
    ("ProtectSystem=stric", Code::BadValue),
    ("NoNewPrivileges=ture", Code::BadValue),
    ("SystemCallFilter=@system-servce", Code::BadValue),
    ("SystemCallFilter=~@privileged chrot", Code::BadValue),
    ("SystemCallFilter=~chroot:EPRM", Code::BadValue),
    ("SystemCallFilter=chroot:EPERM", Code::BadValue),
    ("CapabilityBoundingSet=CAP_NET_BIN", Code::BadValue),
    ("AmbientCapabilities=NET_ADMIN", Code::BadValue),
    ("KillSignal=SIGTREM", Code::BadValue),
    ("TimeoutStopSec=5 parsecs", Code::BadValue),
    ("MemoryMax=1Gigabyte", Code::BadValue),
    ("MemoryMax=0", Code::BadValue),
    ("CPUQuota=50", Code::BadValue),
    ("TasksMax=0", Code::BadValue),
    ("LimitNOFILE=many", Code::BadValue),
    ("UMask=0999", Code::BadValue),
    ("Nice=20", Code::BadValue),
    ("Type=simpel", Code::BadValue),
    ("Type=notify-reload", Code::BadValue),
    ("User=a b", Code::BadValue),
    ("User=%i", Code::BadValue),
    ("WorkingDirectory=srv", Code::BadValue),
    ("ReadWritePaths=/srv data", Code::BadValue),
    ("StateDirectory=/var/lib/x", Code::BadValue),
    ("StandardOutput=append:log.txt", Code::BadValue),
    ("IPAddressAllow=10.0.0.0/33", Code::BadValue),
    ("LoadCredential=:/x", Code::BadValue),
    ("Slice=shop", Code::BadValue),
    ("RestartSec=", Code::BadValue),
    ("WorkingDirectory=/srv # here", Code::Comment),
    ("MemoryLimit=1G", Code::Deprecated),
    ("KillMode=none", Code::Deprecated),
    ("StandardOutput=syslog", Code::Deprecated),
    ("Restrt=always", Code::UnknownKey),
    ("environment=A=1", Code::UnknownKey),
    ("StartLimitIntervalSec=30", Code::WrongSection),
    ("After=network.target", Code::WrongSection),
    ("RestartSteps=3", Code::TooNew),
    ("[Servise]", Code::UnknownSection),
    ("[Socket]", Code::UnknownSection),
    ("Restart", Code::NoAssignment),
    ("=always", Code::NoAssignment),
    ("[Install", Code::Refused),
    ("SyslogIdentifier=%Q", Code::Specifier),
    ("ExecStartPre=/bin/echo it's", Code::Exec),
    ("ExecStartPre=/bin/echo p%40ss", Code::Exec),
    ("ExecStartPre=/bin/echo \\d", Code::Exec),
    ("ExecStartPre=./x", Code::Exec),
    ("ExecStartPre=/bin/echo $5.00", Code::Vanishing),
    ("ExecStartPre=/bin/echo a > /tmp/x", Code::Shell),
    ("ExecStart=/bin/true", Code::Contradiction),
    ("ExecStart=\nExecStart=/bin/true ; /bin/true", Code::Contradiction),
    ("ExecStart=", Code::Contradiction),
    ("ExecStartPre=/bin/echo %H it's", Code::Exec),
    ("ExecStartPre= ;", Code::Exec),
    ("Type=dbus", Code::Contradiction),
    ("Environment=A=C:\\dir", Code::Environment),
    ("Environment=A=hunter2 b", Code::Environment),
    ("Environment=A=it's", Code::Environment),
    ("Environment=A={\"k\":\"v\"}", Code::Environment),
    ("Environment=a-b=hunter2", Code::Environment),
    ("Environment=API_KEY=hunter2", Code::Secret),
    ("Environment=DB=postgres://u:hunter2@h/d", Code::Secret),
    ("SetCredential=x:hunter2", Code::Secret),
    ("EnvironmentFile=\"/etc/x\"", Code::EnvironmentFile),
    ("EnvironmentFile=/etc/x /etc/y", Code::EnvironmentFile),
    ("WatchdogSec=30", Code::Watchdog),
    ("User=root", Code::Root),
    ("[Install]\rAlias=a.service", Code::HiddenLine),
    ("Nice=1\0Nice=2", Code::HiddenLine),
    ("ExecStop=/bin/x \\\nUser=shop", Code::Swallowed),
    ("TasksMax=08", Code::BadValue),
    ("TasksMax=08%", Code::BadValue),
    ("IOWeight=08", Code::BadValue),
    ("CPUSchedulingPriority=08", Code::BadValue),
    ("Nice=08", Code::BadValue),
    ("LimitSIGPENDING=08", Code::BadValue),
    ("LimitNOFILE=5:1", Code::BadValue),
    ("LimitNOFILE=infinity:5", Code::BadValue),
    ("LimitNOFILE=1:2:3", Code::BadValue),
    ("LimitCPU=5:1", Code::BadValue),
    ("LimitFSIZE=5K:1K", Code::BadValue),
    ("LimitNICE=+1:+5", Code::BadValue),
    ("SystemCallErrorNumber=08", Code::BadValue),
    ("SuccessExitStatus=08", Code::BadValue),
    ("KillSignal=08", Code::BadValue),
    ("AllowedCPUs=3-1", Code::BadValue),
    ("AllowedCPUs=8192", Code::BadValue),
    ("BindPaths=/a:/b:rbind:x", Code::BadValue),
    ("BindPaths=/a:", Code::BadValue),
    ("BindPaths=/a/../b", Code::BadValue),
    ("CoredumpFilter=full", Code::BadValue),
    ("CoredumpFilter=00112233445566778899", Code::BadValue),
    ("SystemCallErrorNumber=0", Code::BadValue),
    ("RootHash=foo", Code::BadValue),
    ("RootHash=0011", Code::BadValue),
    ("RootHashSignature=x", Code::BadValue),
    ("RootHashSignature=base64:@@", Code::BadValue),
    ("StandardInputData=foo", Code::BadValue),
    ("SetCredentialEncrypted=a:b", Code::BadValue),
    ("SetCredential=hunter2", Code::BadValue),
    ("DisableControllers=TRUE", Code::BadValue),
    ("PassEnvironment=\"a", Code::BadValue),
    ("ConfigurationDirectory=10:5", Code::BadValue),
    ("RuntimeDirectory=x:/x", Code::BadValue),
    ("StateDirectory=x:../y", Code::BadValue),
    ("RuntimeDirectory=private/x", Code::BadValue),
    ("RootImageOptions=file:x", Code::BadValue),
    ("IOReadBandwidthMax=/dev/null x", Code::BadValue),
    ("IOReadBandwidthMax=/dev/../x 10M", Code::BadValue),
    ("IODeviceWeight=/dev/null 10001", Code::BadValue),
    ("WorkingDirectory=/a/../b", Code::BadValue),
    ("PIDFile=/a/../b", Code::BadValue),
    ("StandardOutput=append:/a/../b", Code::BadValue),
    ("SocketBindAllow=9-8", Code::BadValue),
    ("SocketBindAllow=tcp:ipv4:80", Code::BadValue),
    ("IPAddressAllow=10.0.0.0/08", Code::BadValue),
    ("LimitNOFILE=010", Code::Octal),
    ("TasksMax=010", Code::Octal),
    ("Nice=-010", Code::Octal),
    ("CPUQuota=010%", Code::Octal),
    ("KillSignal=015", Code::Octal),
    ("AllowedCPUs=010", Code::Octal),
    ("User=nobody", Code::SpecialUser),
    ("EnvironmentFile=/a/../b", Code::EnvironmentFile),
    ("ProtectHome=yes\nWorkingDirectory=/home/shop", Code::HiddenPath),
    ("ProtectHome=tmpfs\nExecStartPre=/root/x", Code::HiddenPath),
    ("PrivateTmp=yes\nReadWritePaths=/tmp/x", Code::HiddenPath),
];

#[test]
fn every_mistake_in_a_service_is_found_at_its_line() {
    for (line, code) in MISTAKES.iter().copied() {
        let found = service(line);
        // Two mistakes are seen where they end, and one where the section begins.
        let expected = match line {
            "ExecStart=" => 3,
            line if [Code::Swallowed, Code::HiddenPath].contains(&code)
                || line.contains(" ; /bin/true") =>
            {
                6
            }
            _ => 5,
        };
        assert!(found.contains(&(expected, code)), "HEL-22: {line:?}: {found:?}");
    }
}

#[test]
fn lines_that_are_right_are_left_alone() {
    for line in [
        "X-Own=1",
        "ExecStartPre=/bin/echo %H %m\nEnvironment=HOST=%H\nEnvironmentFile=/etc/%H.env",
        "Restart=on-failure",
        "RestartSec=1min 30s",
        "ProtectSystem=strict",
        "ProtectSystem=TRUE",
        "SystemCallFilter=@system-service\nSystemCallFilter=~@privileged @resources",
        "SystemCallFilter=~chroot:EPERM",
        "CapabilityBoundingSet=\nAmbientCapabilities=cap_net_bind_service",
        "KillSignal=SIGRTMIN+3",
        "MemoryMax=1.5G",
        "MemoryHigh=50%",
        "LimitNOFILE=1024:65536",
        "LimitCORE=0",
        "CPUQuota=150%",
        "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
        "RestrictNamespaces=~user",
        "SystemCallErrorNumber=EPERM",
        "SuccessExitStatus=143 SIGTERM TEMPFAIL",
        "BindPaths=/a:/b:rbind -/c",
        "ReadWritePaths=-/a +/b",
        "WorkingDirectory=-/srv",
        "WorkingDirectory=~",
        "StandardOutput=append:/var/log/x",
        "StateDirectory=shop shop/data",
        "LoadCredential=token:/etc/shop/token",
        "Environment=\"A=b # c\" B=2",
        "Environment='A={\"k\":\"v\"}'",
        "Environment=MAX_TOKENS=100 TOKEN_FILE=/run/x KEYRING=off",
        "EnvironmentFile=-/etc/shop/*.env",
        "ExecStartPre=-@/bin/sh sh -c \"a | b > c; d $$x\"",
        "ExecStopPost=/bin/echo $MAINPID ${A} $$ 100%% \\\n  more",
        "ExecStart=\nExecStart=/bin/false",
        "Type=notify\nWatchdogSec=30",
        "User=%p\nGroup=1000",
        "IPAddressDeny=any\nIPAddressAllow=localhost 10.0.0.0/8 ::1",
        "DeviceAllow=/dev/null rw\nDeviceAllow=char-rtc r",
        "StartLimitInterval=30",
        "[Install]\nWantedBy=multi-user.target\nAlias=store.service",
        "\r\n# comment\r\n; other\r\nNice=1\r",
        "TasksMax=0x10",
        "TasksMax=0b11",
        "LimitNOFILE=0x10",
        "LimitNOFILE=5:infinity",
        "LimitNICE=+5:+1",
        "LimitRTTIME=5000:1s",
        "LimitFSIZE=010",
        "SystemCallErrorNumber=0x10",
        "UMask=022",
        "RestartSec=010",
        "IOSchedulingPriority=07",
        "AllowedCPUs=1,2-4 5",
        "BindPaths=/a:/b:",
        "TemporaryFileSystem=/a:ro:x",
        "CoredumpFilter=0x33 elf-headers",
        "RootHash=00112233445566778899aabbccddeeff",
        "RootHashSignature=base64:Zm9v",
        "StandardInputData=Zm9v Zm8=",
        "SetCredentialEncrypted=a:Zm9v",
        "DisableControllers=cpu io",
        "Delegate=TRUE",
        "PassEnvironment=A 'B'",
        "UnsetEnvironment=\"A=x y\"",
        "StateDirectory=x:y ./z",
        "LogsDirectory=x/./y",
        "RootImageOptions=root:ro nosuid",
        "IOReadBandwidthMax=/dev/null 10M",
        "IOReadIOPSMax=/dev/null infinity",
        "IODeviceLatencyTargetSec=/dev/null 50ms",
        "SocketBindAllow=ipv4:tcp:80-90",
        "SocketBindAllow=tcp:any",
        "EnvironmentFile=/opt/a b/x",
        "ProtectHome=read-only\nWorkingDirectory=/home/shop",
        "ProtectHome=tmpfs\nBindPaths=/home/shop\nWorkingDirectory=/home/shop",
        "PrivateTmp=yes\nReadWritePaths=/tmp",
    ] {
        assert_eq!(service(line), [], "HEL-22: {line:?}");
    }
}

#[test]
fn other_types_of_units_have_their_own_rules() {
    for (file, text, expected) in [
        ("a.timer", "[Timer]\nOnCalendar=Mon..Fri *-*-* 04:00:00 Europe/Berlin\n", None),
        ("a.timer", "[Timer]\nOnCalendar=*-*-01,15 *:0/15\nPersistent=true\n", None),
        ("a.timer", "[Timer]\nOnUnitActiveSec=15min\nOnBootSec=1min\n", None),
        ("a.timer", "[Timer]\nOnCalendar=someday\n", Some(Code::BadValue)),
        ("a.timer", "[Timer]\nOnCalendar=*-*-* 25:00\n", Some(Code::BadValue)),
        ("a.timer", "[Timer]\nPersistent=true\n", Some(Code::NoTrigger)),
        ("a.timer", "[Service]\nExecStart=/bin/true\n", Some(Code::UnknownSection)),
        ("a.socket", "[Socket]\nListenStream=[::1]:8000\nListenStream=/run/a\n", None),
        ("a.socket", "[Socket]\nListenStream=127.0.0.1:99999\n", Some(Code::BadValue)),
        ("a.socket", "[Socket]\nBacklog=5\n", Some(Code::NoTrigger)),
        ("a.path", "[Path]\nPathChanged=/srv/x\n", None),
        ("a.service", "", Some(Code::Masked)),
        ("a.service", "[Unit]\nDescription=x\n", Some(Code::Contradiction)),
        (
            "a@.service",
            "[Unit]\nBindsTo=%i.device\nAfter=%i.device\n[Service]\nUser=%i\n\
                        ExecStart=/bin/x\n",
            None,
        ),
        ("a.target", "[Unit]\nDescription=x\nRequires=b.service\n", None),
    ] {
        let codes: Vec<_> = found(file, text.as_bytes(), 252).into_iter().map(|f| f.1).collect();
        match expected {
            Some(code) => assert!(codes.contains(&code), "{file} {text:?}: {codes:?}"),
            None => assert_eq!(codes, Vec::<Code>::new(), "{file} {text:?}"),
        }
    }
}

#[test]
fn orders_and_requirements_are_judged_together() {
    for (lines, expected) in [
        ("After=network-online.target", Some(Code::Unordered)),
        ("Wants=network-online.target", Some(Code::Unordered)),
        ("After=network-online.target\nWants=network-online.target", None),
        ("Requires=db.service", Some(Code::Unordered)),
        ("Requires=db.service\nAfter=db.service", None),
        ("Requires=shop.socket", None),
        ("After=shop.service", Some(Code::Itself)),
        ("After=db", Some(Code::BadValue)),
    ] {
        let text = format!("[Unit]\n{lines}\n[Service]\nExecStart=/bin/true\n");
        let codes: Vec<_> =
            found("shop.service", text.as_bytes(), 257).into_iter().map(|f| f.1).collect();
        assert_eq!(codes.first().copied(), expected, "{lines:?}");
    }
}

#[test]
fn a_program_whose_last_blank_is_lost_is_found_where_it_would_not_start() {
    for (line, version, expected) in [
        ("\"/bin/x \" y", 252, &[][..]),
        ("\"/bin/x \" y", 257, &[(2, Code::Exec)]),
        ("/bin/x\\x20", 257, &[(2, Code::Exec)]),
        ("\"/bin/ x\" \"y \"", 257, &[]),
        ("/bin/x/. y", 252, &[]),
        ("/bin/x/. y", 257, &[(2, Code::Exec)]),
    ] {
        let text = format!("[Service]\nExecStart={line}\n");
        assert_eq!(found("shop.service", text.as_bytes(), version), expected, "{line:?} {version}");
    }
}

#[test]
fn bytes_that_are_no_text_refuse_the_unit() {
    for bytes in [&b"[Service]\nExecStart=/bin/x \xff\n"[..], "[Unit]\nX-A=\u{fffe}\n".as_bytes()] {
        assert_eq!(found("a.service", bytes, 252), [(2, Code::Refused)]);
    }
}

#[test]
fn a_service_of_ours_must_not_run_as_root_or_restart_for_ever() {
    let text = "[Service]\nExecStart=/bin/true\nRestart=always\nRestartSec=10\n";
    let options = Options { policy: Policy::Deployed, ..Options::new(Version(257)) };
    let found = lint("a.service", text.as_bytes(), &options);
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [Code::Root, Code::Endless]);
    let text = format!("[Unit]\nStartLimitIntervalSec=300\n{text}User=shop\n");
    assert_eq!(lint("a.service", text.as_bytes(), &options), []);
}

#[test]
fn programs_that_are_meant_to_run_as_root_may() {
    let text = "[Service]\nExecStart=\"/usr/lib/tool/x\"\nUser=root\n";
    let found = |dir: &str| {
        let (policy, may_be_root) = (Policy::Deployed, vec![dir.into()]);
        let options = Options { policy, may_be_root, ..Options::new(Version(252)) };
        let found = lint("a.service", text.as_bytes(), &options);
        found.into_iter().map(|finding| finding.code).collect::<Vec<_>>()
    };
    assert!(found("/usr/lib/tool").is_empty());
    assert_eq!(found("/usr/lib/other"), [Code::Root]);
}

#[test]
fn questions_name_all_that_only_the_host_can_answer() {
    let text = "[Unit]\nRequires=db.service\nAfter=db.service\n[Service]\nUser=shop\n\
                ExecStart=/srv/x\nEnvironmentFile=/etc/x.env\nReadWritePaths=/data -/maybe\n";
    let asked = questions("a.service", text.as_bytes(), Version(252));
    let paths: Vec<_> = asked.paths.iter().map(|path| path.as_str()).collect();
    assert_eq!(paths, ["/data", "/etc/x.env", "/srv/x"]);
    assert_eq!(asked.users.iter().collect::<Vec<_>>(), ["shop"]);
    assert_eq!(asked.units.iter().collect::<Vec<_>>(), ["db.service"]);
}

#[test]
fn findings_show_the_place_and_the_remedy() {
    let options = Options::new(Version(252));
    let text = "[Service]\nExecStart=/bin/true\nStartLimitIntervalSec=30\nRestrtSec=1\n\
                RestartSteps=2\nProtectSystem=stric\n";
    let found = lint("systemd/shop.service", text.as_bytes(), &options);
    let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    systemd/shop.service:3: error: [Service] has no `StartLimitIntervalSec`: it is ignored [unit-wrong-section]
      help: move it to [Unit]
    systemd/shop.service:4: error: systemd knows no `RestrtSec`: it is ignored [unit-unknown-key]
      help: did you mean `RestartSec`?
    systemd/shop.service:5: error: `RestartSteps` is ignored: systemd 252 does not know it, 254 does [unit-too-new]
      help: leave it out for this host
    systemd/shop.service:6: error: `ProtectSystem=stric`: systemd ignores this [unit-bad-value]
      help: did you mean `strict`? known are `true`, `false`, `full`, `strict`
    ");
}
