//! Values at random against the machine's own `systemd-analyze verify`: what it says something about,
//! the lint does, too.

use systemd_unit_file::{Options, Version, lint};

use super::oracle::analyze;

const KEYS: [&str; 42] = [
    "AllowedCPUs",
    "BindPaths",
    "CPUQuota",
    "CPUSchedulingPriority",
    "CPUWeight",
    "CacheDirectory",
    "ConfigurationDirectory",
    "CoredumpFilter",
    "Delegate",
    "DisableControllers",
    "EnvironmentFile",
    "IODeviceWeight",
    "IOReadBandwidthMax",
    "IOWeight",
    "KillSignal",
    "LimitCPU",
    "LimitFSIZE",
    "LimitNICE",
    "LimitNOFILE",
    "LimitSIGPENDING",
    "MemoryMax",
    "Nice",
    "OOMScoreAdjust",
    "PIDFile",
    "PassEnvironment",
    "ReadWritePaths",
    "RestartSec",
    "RestrictAddressFamilies",
    "RootHash",
    "RootHashSignature",
    "RuntimeDirectory",
    "SetCredential",
    "SetCredentialEncrypted",
    "SocketBindAllow",
    "StandardInputData",
    "StandardOutput",
    "SuccessExitStatus",
    "SystemCallErrorNumber",
    "TasksMax",
    "UMask",
    "User",
    "WorkingDirectory",
];
const VALUES: &str = "0 1 -1 08 010 0x10 0b11 1.5 5% 08% 010% 1.555% 5K 1G 1.5G infinity 5:1 1:5 \
     5:infinity infinity:5 +5:+1 1:2:3 5s 1min -5s yes no TRUE on none all default /a /a/../b -/a +/a \
     ./a a/b /a:/b /a:/b:rbind /a:/b:x /a: :/b \"a 'a' a=b A=b a:b a:Zm9v a/b:x root nobody 65535 \
     SIGTERM TERM 15 99 EPERM kill AF_INET AF_INT ~AF_UNIX cpu io 3-1 1-3 0-8192 any tcp:80 udp:1-9 \
     80:tcp tcp:ipv4:80 /dev/null null journal append:/x file:x fd:a 0777 0999 Zm9v Zm8 base64:Zm9v \
     base64:@ x:y x:/y x:../y private elf-headers 00112233445566778899aabbccddeeff";
const ROUNDS: usize = 1500;

#[test]
fn what_verify_says_something_about_is_found() {
    let Some(said) = analyze(&["--version"]) else { return };
    if !said.starts_with("systemd 252 ") {
        return eprintln!("SKIPPED: the values were chosen for systemd 252");
    }
    let seed = std::env::var("HELIONYX_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or(1);
    let values: Vec<&str> =
        VALUES.split_whitespace().chain(["/dev/null 10M", "/a /b", "1 2"]).collect();
    let mut state = seed;
    let mut below = |most: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % most
    };
    let directory = tempfile::tempdir().unwrap();
    let (mut args, mut units) =
        (vec!["--recursive-errors=no".to_owned(), "verify".to_owned()], vec![]);
    for index in 0..ROUNDS {
        let line = format!("{}={}", KEYS[below(KEYS.len())], values[below(values.len())]);
        let name = format!("hlx{index}.service");
        let text = format!("[Service]\nExecStart=/bin/true\n{line}\n");
        fs_err::write(directory.path().join(&name), &text).unwrap();
        args.push(directory.path().join(&name).to_str().unwrap().to_owned());
        units.push((name, line, text));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let said = analyze(&args).unwrap();
    let options = Options::new(Version(252));
    let (mut wrong, mut missed) = (0, Vec::new());
    for (name, line, text) in &units {
        let about = said.lines().find(|message| message.contains(&**name));
        wrong += usize::from(about.is_some());
        if about.is_some() && lint(name, text.as_bytes(), &options).is_empty() {
            missed.push(format!("{line}: {about:?}"));
        }
    }
    assert!(missed.is_empty(), "HEL-22, seed {seed}:\n{}", missed.join("\n"));
    assert!(wrong > ROUNDS / 5, "systemd-analyze complained of {wrong} units only");
    eprintln!("seed {seed}: {ROUNDS} units, systemd-analyze complains of {wrong}, 0 missed");
}
