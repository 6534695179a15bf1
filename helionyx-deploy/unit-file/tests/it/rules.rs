//! Each mistake is named, at its line, and units that are right are left alone.

use systemd_unit_file::{Options, Policy, Version, code, lint, questions};

/// What is found in a unit, and at which lines.
pub fn found(file: &str, text: &[u8], version: u16) -> Vec<(usize, &'static str)> {
    let options = Options::new(Version(version));
    let findings = lint(file, text, &options);
    for finding in &findings {
        assert!(!finding.hint.is_empty(), "no remedy: {finding}");
        assert!(!finding.to_string().contains("hunter2"), "ALL-04: {finding}");
    }
    findings.into_iter().map(|finding| (finding.line, finding.code)).collect()
}

/// A line at the end of `[Service]`, which is line 5.
fn service(line: &str) -> Vec<(usize, &'static str)> {
    let text = format!("[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n{line}\n");
    found("/etc/systemd/system/shop.service", text.as_bytes(), 252)
}

/// A line of `[Service]`, and what is wrong with it.
const MISTAKES: &[(&str, &str)] = &[
    ("ProtectSystem=stric", code::BAD_VALUE),
    ("NoNewPrivileges=ture", code::BAD_VALUE),
    ("SystemCallFilter=@system-servce", code::BAD_VALUE),
    ("SystemCallFilter=~@privileged chrot", code::BAD_VALUE),
    ("SystemCallFilter=~chroot:EPRM", code::BAD_VALUE),
    ("SystemCallFilter=chroot:EPERM", code::BAD_VALUE),
    ("CapabilityBoundingSet=CAP_NET_BIN", code::BAD_VALUE),
    ("AmbientCapabilities=NET_ADMIN", code::BAD_VALUE),
    ("KillSignal=SIGTREM", code::BAD_VALUE),
    ("TimeoutStopSec=5 parsecs", code::BAD_VALUE),
    ("MemoryMax=1Gigabyte", code::BAD_VALUE),
    ("MemoryMax=0", code::BAD_VALUE),
    ("CPUQuota=50", code::BAD_VALUE),
    ("TasksMax=0", code::BAD_VALUE),
    ("LimitNOFILE=many", code::BAD_VALUE),
    ("UMask=0999", code::BAD_VALUE),
    ("Nice=20", code::BAD_VALUE),
    ("Type=simpel", code::BAD_VALUE),
    ("Type=notify-reload", code::BAD_VALUE),
    ("User=a b", code::BAD_VALUE),
    ("User=%i", code::BAD_VALUE),
    ("WorkingDirectory=srv", code::BAD_VALUE),
    ("ReadWritePaths=/srv data", code::BAD_VALUE),
    ("StateDirectory=/var/lib/x", code::BAD_VALUE),
    ("StandardOutput=append:log.txt", code::BAD_VALUE),
    ("IPAddressAllow=10.0.0.0/33", code::BAD_VALUE),
    ("LoadCredential=:/x", code::BAD_VALUE),
    ("Slice=shop", code::BAD_VALUE),
    ("RestartSec=", code::BAD_VALUE),
    ("WorkingDirectory=/srv # here", code::COMMENT),
    ("MemoryLimit=1G", code::DEPRECATED),
    ("KillMode=none", code::DEPRECATED),
    ("StandardOutput=syslog", code::DEPRECATED),
    ("Restrt=always", code::UNKNOWN_KEY),
    ("environment=A=1", code::UNKNOWN_KEY),
    ("StartLimitIntervalSec=30", code::WRONG_SECTION),
    ("After=network.target", code::WRONG_SECTION),
    ("RestartSteps=3", code::TOO_NEW),
    ("[Servise]", code::UNKNOWN_SECTION),
    ("[Socket]", code::UNKNOWN_SECTION),
    ("Restart", code::NO_ASSIGNMENT),
    ("=always", code::NO_ASSIGNMENT),
    ("[Install", code::REFUSED),
    ("SyslogIdentifier=%Q", code::SPECIFIER),
    ("ExecStartPre=/bin/echo it's", code::EXEC),
    ("ExecStartPre=/bin/echo p%40ss", code::EXEC),
    ("ExecStartPre=/bin/echo \\d", code::EXEC),
    ("ExecStartPre=./x", code::EXEC),
    ("ExecStartPre=/bin/echo $5.00", code::VANISHING),
    ("ExecStartPre=/bin/echo a > /tmp/x", code::SHELL),
    ("ExecStart=/bin/true", code::CONTRADICTION),
    ("ExecStart=\nExecStart=/bin/true ; /bin/true", code::CONTRADICTION),
    ("ExecStart=", code::CONTRADICTION),
    ("ExecStartPre=/bin/echo %H it's", code::EXEC),
    ("ExecStartPre= ;", code::EXEC),
    ("Type=dbus", code::CONTRADICTION),
    ("Environment=A=C:\\dir", code::ENVIRONMENT),
    ("Environment=A=hunter2 b", code::ENVIRONMENT),
    ("Environment=A=it's", code::ENVIRONMENT),
    ("Environment=A={\"k\":\"v\"}", code::ENVIRONMENT),
    ("Environment=a-b=hunter2", code::ENVIRONMENT),
    ("Environment=API_KEY=hunter2", code::SECRET),
    ("Environment=DB=postgres://u:hunter2@h/d", code::SECRET),
    ("SetCredential=x:hunter2", code::SECRET),
    ("EnvironmentFile=\"/etc/x\"", code::ENVIRONMENT_FILE),
    ("EnvironmentFile=/etc/x /etc/y", code::ENVIRONMENT_FILE),
    ("WatchdogSec=30", code::WATCHDOG),
    ("User=root", code::ROOT),
    ("[Install]\rAlias=a.service", code::HIDDEN_LINE),
    ("Nice=1\0Nice=2", code::HIDDEN_LINE),
    ("ExecStop=/bin/x \\\nUser=shop", code::SWALLOWED),
    ("TasksMax=08", code::BAD_VALUE),
    ("TasksMax=08%", code::BAD_VALUE),
    ("IOWeight=08", code::BAD_VALUE),
    ("CPUSchedulingPriority=08", code::BAD_VALUE),
    ("Nice=08", code::BAD_VALUE),
    ("LimitSIGPENDING=08", code::BAD_VALUE),
    ("LimitNOFILE=5:1", code::BAD_VALUE),
    ("LimitNOFILE=infinity:5", code::BAD_VALUE),
    ("LimitNOFILE=1:2:3", code::BAD_VALUE),
    ("LimitCPU=5:1", code::BAD_VALUE),
    ("LimitFSIZE=5K:1K", code::BAD_VALUE),
    ("LimitNICE=+1:+5", code::BAD_VALUE),
    ("SystemCallErrorNumber=08", code::BAD_VALUE),
    ("SuccessExitStatus=08", code::BAD_VALUE),
    ("KillSignal=08", code::BAD_VALUE),
    ("AllowedCPUs=3-1", code::BAD_VALUE),
    ("AllowedCPUs=8192", code::BAD_VALUE),
    ("BindPaths=/a:/b:rbind:x", code::BAD_VALUE),
    ("BindPaths=/a:", code::BAD_VALUE),
    ("BindPaths=/a/../b", code::BAD_VALUE),
    ("CoredumpFilter=full", code::BAD_VALUE),
    ("CoredumpFilter=00112233445566778899", code::BAD_VALUE),
    ("SystemCallErrorNumber=0", code::BAD_VALUE),
    ("RootHash=foo", code::BAD_VALUE),
    ("RootHash=0011", code::BAD_VALUE),
    ("RootHashSignature=x", code::BAD_VALUE),
    ("RootHashSignature=base64:@@", code::BAD_VALUE),
    ("StandardInputData=foo", code::BAD_VALUE),
    ("SetCredentialEncrypted=a:b", code::BAD_VALUE),
    ("SetCredential=hunter2", code::BAD_VALUE),
    ("DisableControllers=TRUE", code::BAD_VALUE),
    ("PassEnvironment=\"a", code::BAD_VALUE),
    ("ConfigurationDirectory=10:5", code::BAD_VALUE),
    ("RuntimeDirectory=x:/x", code::BAD_VALUE),
    ("StateDirectory=x:../y", code::BAD_VALUE),
    ("RuntimeDirectory=private/x", code::BAD_VALUE),
    ("RootImageOptions=file:x", code::BAD_VALUE),
    ("IOReadBandwidthMax=/dev/null x", code::BAD_VALUE),
    ("IOReadBandwidthMax=/dev/../x 10M", code::BAD_VALUE),
    ("IODeviceWeight=/dev/null 10001", code::BAD_VALUE),
    ("WorkingDirectory=/a/../b", code::BAD_VALUE),
    ("PIDFile=/a/../b", code::BAD_VALUE),
    ("StandardOutput=append:/a/../b", code::BAD_VALUE),
    ("SocketBindAllow=9-8", code::BAD_VALUE),
    ("SocketBindAllow=tcp:ipv4:80", code::BAD_VALUE),
    ("IPAddressAllow=10.0.0.0/08", code::BAD_VALUE),
    ("LimitNOFILE=010", code::OCTAL),
    ("TasksMax=010", code::OCTAL),
    ("Nice=-010", code::OCTAL),
    ("CPUQuota=010%", code::OCTAL),
    ("KillSignal=015", code::OCTAL),
    ("AllowedCPUs=010", code::OCTAL),
    ("User=nobody", code::SPECIAL_USER),
    ("EnvironmentFile=/a/../b", code::ENVIRONMENT_FILE),
    ("ProtectHome=yes\nWorkingDirectory=/home/shop", code::HIDDEN_PATH),
    ("ProtectHome=tmpfs\nExecStartPre=/root/x", code::HIDDEN_PATH),
    ("PrivateTmp=yes\nReadWritePaths=/tmp/x", code::HIDDEN_PATH),
];

#[test]
fn every_mistake_in_a_service_is_found_at_its_line() {
    for (line, code) in MISTAKES.iter().copied() {
        let found = service(line);
        // Two mistakes are seen where they end, and one where the section begins.
        let expected = match line {
            "ExecStart=" => 3,
            line if [code::SWALLOWED, code::HIDDEN_PATH].contains(&code)
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
        ("a.timer", "[Timer]\nOnCalendar=someday\n", Some(code::BAD_VALUE)),
        ("a.timer", "[Timer]\nOnCalendar=*-*-* 25:00\n", Some(code::BAD_VALUE)),
        ("a.timer", "[Timer]\nPersistent=true\n", Some(code::NO_TRIGGER)),
        ("a.timer", "[Service]\nExecStart=/bin/true\n", Some(code::UNKNOWN_SECTION)),
        ("a.socket", "[Socket]\nListenStream=[::1]:8000\nListenStream=/run/a\n", None),
        ("a.socket", "[Socket]\nListenStream=127.0.0.1:99999\n", Some(code::BAD_VALUE)),
        ("a.socket", "[Socket]\nBacklog=5\n", Some(code::NO_TRIGGER)),
        ("a.path", "[Path]\nPathChanged=/srv/x\n", None),
        ("a.service", "", Some(code::MASKED)),
        ("a.service", "[Unit]\nDescription=x\n", Some(code::CONTRADICTION)),
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
            None => assert_eq!(codes, Vec::<&str>::new(), "{file} {text:?}"),
        }
    }
}

#[test]
fn orders_and_requirements_are_judged_together() {
    for (lines, expected) in [
        ("After=network-online.target", Some(code::UNORDERED)),
        ("Wants=network-online.target", Some(code::UNORDERED)),
        ("After=network-online.target\nWants=network-online.target", None),
        ("Requires=db.service", Some(code::UNORDERED)),
        ("Requires=db.service\nAfter=db.service", None),
        ("Requires=shop.socket", None),
        ("After=shop.service", Some(code::ITSELF)),
        ("After=db", Some(code::BAD_VALUE)),
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
        ("\"/bin/x \" y", 257, &[(2, code::EXEC)]),
        ("/bin/x\\x20", 257, &[(2, code::EXEC)]),
        ("\"/bin/ x\" \"y \"", 257, &[]),
        ("/bin/x/. y", 252, &[]),
        ("/bin/x/. y", 257, &[(2, code::EXEC)]),
    ] {
        let text = format!("[Service]\nExecStart={line}\n");
        assert_eq!(found("shop.service", text.as_bytes(), version), expected, "{line:?} {version}");
    }
}

#[test]
fn bytes_that_are_no_text_refuse_the_unit() {
    for bytes in [&b"[Service]\nExecStart=/bin/x \xff\n"[..], "[Unit]\nX-A=\u{fffe}\n".as_bytes()] {
        assert_eq!(found("a.service", bytes, 252), [(2, code::REFUSED)]);
    }
}

#[test]
fn a_service_of_ours_must_not_run_as_root_or_restart_for_ever() {
    let text = "[Service]\nExecStart=/bin/true\nRestart=always\nRestartSec=10\n";
    let options = Options { policy: Policy::Deployed, ..Options::new(Version(257)) };
    let found = lint("a.service", text.as_bytes(), &options);
    let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
    assert_eq!(codes, [code::ROOT, code::ENDLESS]);
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
    assert_eq!(found("/usr/lib/other"), [code::ROOT]);
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
