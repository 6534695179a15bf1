//! The words that directives take: enumerations, signals, capabilities, system calls. No I/O.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::kind::{Empty, Kind, Problem};
use super::number::whole;
use super::resource::Grammar;
use crate::Version;
use crate::environment::is_name;
use crate::suggest;
use crate::words::{Escapes, split_text};

/// Levels of the journal.
pub const LOG_LEVELS: &str = "emerg alert crit err warning notice info debug 0 1 2 3 4 5 6 7";
/// What a job does to others.
pub const JOB_MODES: &str =
    "fail replace replace-irreversibly isolate flush ignore-dependencies ignore-requirements";
/// What happens to the machine.
pub const ACTIONS: &str = "none reboot reboot-force reboot-immediate poweroff poweroff-force \
     poweroff-immediate exit exit-force halt@254 halt-force@254 halt-immediate@254 kexec@254 \
     kexec-force@254 soft-reboot@254 soft-reboot-force@254";
const OUTPUT: Kind = Kind::Stream;
const ARCHITECTURES: &str = "native x86 x86-64 x32 arm arm64 alpha arc arc-be cris ia64 loongarch64 \
     m68k mips mips-le mips64 mips64-le mips64-n32 mips64-le-n32 nios2 parisc parisc64 ppc ppc-le \
     ppc64 ppc64-le riscv32 riscv64 s390 s390x sh sh64 sparc sparc64 tilegx arm-be arm64-be";
const FACILITIES: &str = "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp local0 \
     local1 local2 local3 local4 local5 local6 local7 0 1 2 3 4 5 6 7 8 9 10 11 16 17 18 19 20 21 22 23";

/// Directives whose type says too little: their names, kind, and what no value means.
pub const BY_NAME: &[(&str, Kind, Empty)] = &[
    (
        "Type",
        Kind::Choice("simple exec forking oneshot dbus notify idle notify-reload@253"),
        Empty::Refused,
    ),
    ("ExitType", Kind::Choice("main cgroup"), Empty::Refused),
    (
        "Restart",
        Kind::Choice("no on-success on-failure on-abnormal on-watchdog on-abort always"),
        Empty::Refused,
    ),
    ("RestartMode", Kind::Choice("normal direct debug@257"), Empty::Refused),
    ("NotifyAccess", Kind::Choice("none main exec all"), Empty::Refused),
    ("KillMode", Kind::Choice("control-group process mixed none"), Empty::Reset),
    ("OOMPolicy", Kind::Choice("continue stop kill"), Empty::Refused),
    ("ProtectSystem", Kind::Choice("bool full strict"), Empty::Refused),
    ("ProtectHome", Kind::Choice("bool read-only tmpfs"), Empty::Refused),
    ("ProtectProc", Kind::Choice("default noaccess invisible ptraceable"), Empty::Refused),
    ("ProcSubset", Kind::Choice("all pid"), Empty::Refused),
    ("ProtectControlGroups", Kind::Choice("bool private@257 strict@257"), Empty::Refused),
    ("PrivateTmp", Kind::Choice("bool disconnected@257"), Empty::Refused),
    ("PrivateUsers", Kind::Choice("bool self@257 identity@257"), Empty::Refused),
    ("PrivatePIDs", Kind::Choice("bool"), Empty::Refused),
    ("PrivateMounts", Kind::Choice("bool"), Empty::Refused),
    ("MountAPIVFS MemoryKSM SetLoginEnvironment", Kind::Choice("bool"), Empty::Reset),
    ("KeyringMode", Kind::Choice("inherit private shared"), Empty::Refused),
    ("DevicePolicy", Kind::Choice("auto closed strict"), Empty::Refused),
    ("UtmpMode", Kind::Choice("init login user"), Empty::Refused),
    ("CollectMode", Kind::Choice("inactive inactive-or-failed"), Empty::Refused),
    ("BindIPv6Only", Kind::Choice("default both ipv6-only"), Empty::Refused),
    ("CPUSchedulingPolicy", Kind::Choice("other batch idle fifo rr 0 1 2 3 5"), Empty::Reset),
    (
        "IOSchedulingClass",
        Kind::Choice("none realtime best-effort idle 0 1 2 3 4 5 6 7"),
        Empty::Reset,
    ),
    ("NUMAPolicy", Kind::Choice("default preferred bind interleave local"), Empty::Reset),
    ("SyslogFacility", Kind::Choice(FACILITIES), Empty::Refused),
    ("RuntimeDirectoryPreserve", Kind::Choice("bool restart"), Empty::Refused),
    ("FileDescriptorStorePreserve", Kind::Choice("bool restart"), Empty::Refused),
    ("MemoryPressureWatch", Kind::Choice("bool auto skip"), Empty::Reset),
    ("ManagedOOMSwap ManagedOOMMemoryPressure", Kind::Choice("auto kill"), Empty::Reset),
    ("ManagedOOMPreference", Kind::Choice("none avoid omit"), Empty::Refused),
    ("SocketProtocol", Kind::Choice("udplite sctp mptcp@257"), Empty::Refused),
    ("MessageQueueMaxMessages MessageQueueMessageSize", Kind::Integer(1, i64::MAX), Empty::Refused),
    ("Timestamping", Kind::Choice("off us usec µs ns nsec"), Empty::Refused),
    ("SystemCallArchitectures", Kind::Choices(ARCHITECTURES), Empty::Reset),
    (
        "RestrictNamespaces",
        Kind::Choices("bool cgroup ipc net mnt pid user uts time@258"),
        Empty::Reset,
    ),
    (
        "SecureBits",
        Kind::Choices(
            "keep-caps keep-caps-locked no-setuid-fixup no-setuid-fixup-locked noroot \
             noroot-locked",
        ),
        Empty::Reset,
    ),
    (
        "Delegate",
        Kind::Choices(
            "bool cpu cpuacct cpuset io blkio memory devices pids bpf-firewall bpf-devices \
             bpf-foreign bpf-socket-bind bpf-restrict-network-interfaces",
        ),
        Empty::Reset,
    ),
    (
        "DisableControllers",
        Kind::Choices(
            "cpu cpuacct cpuset io blkio memory devices pids bpf-firewall bpf-devices bpf-foreign \
             bpf-socket-bind bpf-restrict-network-interfaces",
        ),
        Empty::Reset,
    ),
    ("PIDFile", Kind::Special(Grammar::PidFile), Empty::Reset),
    ("CoredumpFilter", Kind::Special(Grammar::CoredumpFilter), Empty::Reset),
    ("RootHash", Kind::Special(Grammar::RootHash), Empty::Reset),
    ("RootHashSignature", Kind::Special(Grammar::Signature), Empty::Reset),
    ("StandardInputData", Kind::Special(Grammar::Base64), Empty::Reset),
    ("RootImageOptions", Kind::Special(Grammar::ImageOptions), Empty::Reset),
    ("SystemCallErrorNumber", Kind::Errno, Empty::Reset),
    ("RestrictAddressFamilies", Kind::Families, Empty::Reset),
    ("StandardInput StandardOutput StandardError", OUTPUT, Empty::Refused),
    ("OnCalendar", Kind::Calendar, Empty::Reset),
    ("CPUQuota", Kind::Percent, Empty::Reset),
    ("TasksMax", Kind::Tasks, Empty::Reset),
    ("CPUWeight StartupCPUWeight IOWeight StartupIOWeight", Kind::Weight(1, 10_000), Empty::Reset),
    ("Nice", Kind::Integer(-20, 19), Empty::Reset),
    ("OOMScoreAdjust", Kind::Integer(-1000, 1000), Empty::Reset),
    ("IOSchedulingPriority", Kind::Integer(0, 7), Empty::Reset),
    ("CPUSchedulingPriority", Kind::Integer(0, 99), Empty::Refused),
    ("TimeoutStopSec TimeoutStartSec TimeoutSec", Kind::Span, Empty::Refused),
    ("TimeoutAbortSec CPUQuotaPeriodSec", Kind::Span, Empty::Reset),
    ("JobTimeoutSec JobRunningTimeoutSec TimeoutIdleSec", Kind::Span, Empty::Refused),
    ("User Group SupplementaryGroups SocketUser SocketGroup", Kind::User, Empty::Reset),
    ("WorkingDirectory", Kind::WorkingDirectory, Empty::Reset),
    (
        "AppArmorProfile SELinuxContext SmackProcessLabel StandardInputText RebootArgument \
         JobTimeoutRebootArgument",
        Kind::Text,
        Empty::Reset,
    ),
    (
        "AllowedCPUs AllowedMemoryNodes CPUAffinity NUMAMask StartupAllowedCPUs \
         StartupAllowedMemoryNodes",
        Kind::Special(Grammar::Cpus),
        Empty::Reset,
    ),
    ("DeviceAllow", Kind::Special(Grammar::Device), Empty::Reset),
    (
        "IODeviceWeight IODeviceLatencyTargetSec IOReadBandwidthMax IOWriteBandwidthMax \
         IOReadIOPSMax IOWriteIOPSMax",
        Kind::Special(Grammar::DeviceValue),
        Empty::Reset,
    ),
    ("IPAddressAllow IPAddressDeny", Kind::Special(Grammar::Networks), Empty::Reset),
    ("RestrictNetworkInterfaces BindToDevice", Kind::Special(Grammar::Interfaces), Empty::Reset),
    ("SocketBindAllow SocketBindDeny", Kind::Special(Grammar::Bind), Empty::Reset),
    ("BusName", Kind::Special(Grammar::Bus), Empty::Refused),
    ("LogExtraFields", Kind::Special(Grammar::Field), Empty::Reset),
    ("LogNamespace", Kind::Special(Grammar::Name), Empty::Reset),
    ("BPFProgram", Kind::Special(Grammar::Pair), Empty::Reset),
    ("SetCredential SetCredentialEncrypted", Kind::Special(Grammar::SetCredential), Empty::Reset),
    ("ExecSearchPath", Kind::Special(Grammar::SearchPath), Empty::Reset),
    (
        "MountImages ExtensionImages IPIngressFilterPath IPEgressFilterPath",
        Kind::Special(Grammar::Images),
        Empty::Reset,
    ),
    ("TimerSlackNSec", Kind::Special(Grammar::Nanoseconds), Empty::Refused),
    ("Personality", Kind::Choice("x86 x86-64 arm arm64 ppc64 ppc64-le s390 s390x"), Empty::Reset),
    ("MountFlags", Kind::Choice("shared slave private"), Empty::Reset),
    ("ManagedOOMMemoryPressureLimit", Kind::Percent, Empty::Reset),
    ("TTYRows TTYColumns", Kind::Integer(0, 65_535), Empty::Reset),
    ("FailureActionExitStatus SuccessActionExitStatus", Kind::Integer(0, 255), Empty::Reset),
    (
        "RuntimeDirectory StateDirectory CacheDirectory LogsDirectory ConfigurationDirectory",
        Kind::Directories,
        Empty::Reset,
    ),
    ("TemporaryFileSystem", Kind::Binds, Empty::Reset),
    ("PassEnvironment UnsetEnvironment", Kind::Names, Empty::Reset),
    ("LoadCredential LoadCredentialEncrypted", Kind::Credential, Empty::Reset),
    ("Documentation", Kind::Documentation, Empty::Reset),
    ("Slice", Kind::UnitOf("slice"), Empty::Refused),
    ("Sockets", Kind::UnitOf("socket"), Empty::Reset),
    ("Service", Kind::UnitOf("service"), Empty::Reset),
    ("Unit", Kind::Units, Empty::Reset),
    ("Symlinks", Kind::Paths, Empty::Reset),
];

const SIGNALS: &str = "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM \
     STKFLT CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO POLL PWR SYS IOT";

const CAPABILITIES: &str = "chown dac_override dac_read_search fowner fsetid kill setgid setuid \
     setpcap linux_immutable net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner \
     sys_module sys_rawio sys_chroot sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource \
     sys_time sys_tty_config mknod lease audit_write audit_control setfcap mac_override mac_admin \
     syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore";

const FAMILIES: &str = "ALG APPLETALK ASH ATMPVC ATMSVC AX25 BLUETOOTH BRIDGE CAIF CAN DECnet \
     ECONET FILE IB IEEE802154 INET INET6 IPX IRDA ISDN IUCV KCM KEY LLC LOCAL MCTP MPLS NETBEUI \
     NETLINK NETROM NFC PACKET PHONET PPPOX QIPCRTR RDS ROSE ROUTE RXRPC SECURITY SMC SNA TIPC \
     UNIX VSOCK WANPIPE X25 XDP";

const ERRORS: &str = "E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF \
     EBADMSG EBUSY ECANCELED ECHILD ECONNABORTED ECONNREFUSED ECONNRESET EDEADLK EDESTADDRREQ EDOM \
     EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO \
     EISCONN EISDIR ELOOP EMEDIUMTYPE EMFILE EMLINK EMSGSIZE ENAMETOOLONG ENETDOWN ENETRESET \
     ENETUNREACH ENFILE ENOBUFS ENODATA ENODEV ENOENT ENOEXEC ENOKEY ENOLCK ENOMEDIUM ENOMEM ENOMSG \
     ENOPROTOOPT ENOSPC ENOSYS ENOTCONN ENOTDIR ENOTEMPTY ENOTRECOVERABLE ENOTSOCK ENOTSUP ENOTTY \
     ENXIO EOPNOTSUPP EOVERFLOW EOWNERDEAD EPERM EPFNOSUPPORT EPIPE EPROTO EPROTONOSUPPORT \
     EPROTOTYPE ERANGE EREMOTEIO EROFS ESHUTDOWN ESPIPE ESRCH ESTALE ETIME ETIMEDOUT ETXTBSY \
     EUCLEAN EUSERS EWOULDBLOCK EXDEV";

const STATUSES: &str = "SUCCESS FAILURE INVALIDARGUMENT NOTIMPLEMENTED NOPERMISSION NOTINSTALLED \
     NOTCONFIGURED NOTRUNNING USAGE DATAERR NOINPUT NOUSER NOHOST UNAVAILABLE SOFTWARE OSERR OSFILE \
     CANTCREAT IOERR TEMPFAIL PROTOCOL NOPERM CONFIG CHDIR NICE FDS EXEC MEMORY LIMITS OOM_ADJUST \
     SIGNAL_MASK STDIN STDOUT CHROOT IOPRIO TIMERSLACK SECUREBITS SETSCHEDULER CPUAFFINITY GROUP \
     USER CAPABILITIES CGROUP SETSID CONFIRM STDERR PAM NETWORK NAMESPACE NO_NEW_PRIVILEGES SECCOMP \
     SELINUX_CONTEXT PERSONALITY APPARMOR ADDRESS_FAMILIES RUNTIME_DIRECTORY CHOWN \
     SMACK_PROCESS_LABEL KEYRING STATE_DIRECTORY CACHE_DIRECTORY LOGS_DIRECTORY \
     CONFIGURATION_DIRECTORY NUMA_POLICY CREDENTIALS BPF EXCEPTION";

static SYSTEM_CALLS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("../syscalls.txt").lines().filter(|line| !line.starts_with('#'));
    lines.flat_map(|line| line.split(' ')).collect()
});

fn unknown(word: &str, what: &str, meant: Option<&str>) -> Problem {
    let hint = match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("see systemd.exec(5) for what {what} there are"),
    };
    Problem::new(format!("`{word}` is none of the {what}: systemd ignores it"), hint)
}

/// Whether all words are known; `~` may stand before the first.
pub fn several(value: &str, known: &'static str, version: Version) -> Result<(), Problem> {
    let list = value.strip_prefix('~').unwrap_or(value);
    list.split_whitespace().try_for_each(|word| super::kind::choice(word, known, version))
}

/// Whether it is a signal: `SIGTERM`, `TERM`, `15`, `RTMIN+3`.
pub fn signal(value: &str) -> Result<(), Problem> {
    let name = value.strip_prefix("SIG").unwrap_or(value);
    let known = || SIGNALS.split_whitespace();
    let number = |text: &str| whole(text).is_some_and(|number| (1..=64).contains(&number));
    let offset = |text: &str| text.is_empty() || text[1..].parse::<u8>().is_ok_and(|n| n <= 30);
    let realtime = name
        .strip_prefix("RTMIN")
        .is_some_and(|rest| (rest.is_empty() || rest.starts_with('+')) && offset(rest))
        || name
            .strip_prefix("RTMAX")
            .is_some_and(|rest| (rest.is_empty() || rest.starts_with('-')) && offset(rest));
    if known().any(|signal| signal == name) || number(value) || realtime {
        return Ok(());
    }
    let meant = suggest::closest(name, known()).map(|name| format!("SIG{name}"));
    Err(unknown(value, "signals", meant.as_deref()))
}

/// Whether all words are exit statuses or signals.
pub fn statuses(value: &str) -> Result<(), Problem> {
    value.split_whitespace().try_for_each(|word| {
        let known = STATUSES.split_whitespace().any(|status| status == word);
        if whole(word).is_some_and(|number| (0..=255).contains(&number)) || known {
            Ok(())
        } else {
            signal(word)
        }
    })
}

/// Whether all words are system calls or groups of them, as `~@privileged chroot:EPERM`.
pub fn system_calls(value: &str, version: Version) -> Result<(), Problem> {
    let list = value.strip_prefix('~').unwrap_or(value);
    for word in list.split_whitespace() {
        let (name, error) = word.split_once(':').map_or((word, None), |(n, e)| (n, Some(e)));
        let too_new = name == "@sandbox" && version < Version(254);
        if !SYSTEM_CALLS.contains(name) || too_new {
            let meant = suggest::closest(name, SYSTEM_CALLS.iter().copied());
            return Err(unknown(word, "system calls", meant));
        }
        if error.is_some() && !value.starts_with('~') {
            let message = format!("`{word}`: what is allowed has no error: systemd ignores it");
            return Err(Problem::new(message, "put `~` before the first to name what is refused"));
        }
        error.map_or(Ok(()), errno)?;
    }
    Ok(())
}

/// Whether it is an error's name or number, or `kill`.
pub fn errno(value: &str) -> Result<(), Problem> {
    let number = whole(value).is_some_and(|number| (1..=4095).contains(&number));
    let known = || ERRORS.split_whitespace();
    if value == "kill" || number || known().any(|name| name == value) {
        return Ok(());
    }
    Err(unknown(value, "errors", suggest::closest(value, known())))
}

/// Whether all words are address families, or it is `none`.
pub fn families(value: &str) -> Result<(), Problem> {
    let list = value.strip_prefix('~').unwrap_or(value);
    let known = || FAMILIES.split_whitespace();
    list.split_whitespace().filter(|_| value != "none").try_for_each(|word| {
        let name = word.strip_prefix("AF_");
        if name.is_some_and(|name| known().any(|family| family == name)) {
            return Ok(());
        }
        let meant = suggest::closest(name.unwrap_or(word), known());
        Err(unknown(word, "address families", meant.map(|name| format!("AF_{name}")).as_deref()))
    })
}

/// Whether all words are capabilities. systemd itself passes over an unknown one in silence.
pub fn capabilities(value: &str) -> Result<(), Problem> {
    let list = value.strip_prefix('~').unwrap_or(value);
    let known = || CAPABILITIES.split_whitespace();
    list.split_whitespace().try_for_each(|word| {
        let lower = word.to_ascii_lowercase();
        let name = lower.strip_prefix("cap_");
        let number = word.parse::<u8>().is_ok_and(|number| number <= 62);
        if number || name.is_some_and(|name| known().any(|cap| cap == name)) {
            return Ok(());
        }
        let meant = suggest::closest(name.unwrap_or(&lower), known());
        let meant = meant.map(|name| format!("CAP_{}", name.to_ascii_uppercase()));
        Err(unknown(word, "capabilities", meant.as_deref()))
    })
}

/// Whether all words name variables; in `UnsetEnvironment=` they may also be assignments.
pub fn names(key: &str, value: &str) -> Result<(), Problem> {
    let is_unset = key == "UnsetEnvironment";
    let escapes = if is_unset { Escapes::Strict } else { Escapes::Plain };
    let words = split_text(value, escapes)
        .map_err(|error| Problem::new(format!("{error}: systemd ignores it"), "close the quote"))?;
    let name = |word: &str| word.split_once('=').map_or(word, |(name, _)| name).to_owned();
    let mut words = words.into_iter().map(|word| if is_unset { name(&word) } else { word });
    match words.find(|word| !is_name(word)) {
        Some(word) => Err(Problem::new(
            format!("`{word}` is no variable's name: systemd ignores it"),
            "A-Z, a-z, 0-9 and _, no digit first",
        )),
        None => Ok(()),
    }
}

/// Whether all words are addresses of documentation.
pub fn documentation(value: &str) -> Result<(), Problem> {
    let schemes = ["http://", "https://", "file:/", "info:", "man:"];
    let bad = value.split_whitespace().find(|word| {
        let scheme = schemes.iter().find(|scheme| word.starts_with(**scheme));
        scheme.is_none_or(|scheme| word.len() <= scheme.len())
    });
    match bad {
        Some(word) => Err(Problem::new(
            format!("`{word}` is no address: systemd ignores it"),
            "begin with https://, http://, file:/, info: or man:",
        )),
        None => Ok(()),
    }
}
