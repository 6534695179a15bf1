//! System calls that change something, as strace shows them, and how one of them is disturbed.

use std::fmt;
use std::path::Path;

/// Calls that may change something. strace leaves out those that this machine does not have.
const CALLS: [&str; 44] = [
    "openat",
    "open",
    "creat",
    "write",
    "pwrite64",
    "writev",
    "fsync",
    "fdatasync",
    "syncfs",
    "rename",
    "renameat",
    "renameat2",
    "symlink",
    "symlinkat",
    "link",
    "linkat",
    "unlink",
    "unlinkat",
    "rmdir",
    "mkdir",
    "mkdirat",
    "chmod",
    "fchmod",
    "fchmodat",
    "chown",
    "fchown",
    "fchownat",
    "ftruncate",
    "truncate",
    "fallocate",
    "copy_file_range",
    "sendfile",
    "utimensat",
    "setxattr",
    "flock",
    "connect",
    "sendto",
    "kill",
    "pidfd_send_signal",
    "clone",
    "clone3",
    "vfork",
    "fork",
    "mknodat",
];

/// What happens at a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The deployer is killed before it.
    Kill,
    /// It fails with this error.
    Error(&'static str),
}

/// A place in an operation: just before, or at, one of its calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// The call.
    pub call: String,
    /// Which one of those that change something, from 1.
    pub kth: usize,
    /// Which one of all of them, from 1: what strace counts.
    pub nth: usize,
    /// The call with its arguments.
    pub shown: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.call, self.nth, self.shown)
    }
}

/// strace, with a fault at one point, or none to see all calls. It follows no children: what is
/// counted are the calls of the deployer itself.
pub fn strace(log: &Path, fault: Option<(Fault, &Point)>) -> Vec<String> {
    let calls = format!("trace=?{}", CALLS.join(",?"));
    let expressions = match fault {
        None => vec![calls],
        Some((Fault::Kill, point)) => point.disturbed("signal=KILL"),
        Some((Fault::Error(error), point)) => point.disturbed(&format!("error={error}")),
    };
    words(log, "signal=none", &expressions)
}

/// strace that suspends the deployer right after a point; the log says when: see [`is_suspended`].
pub fn strace_suspending(log: &Path, point: &Point) -> Vec<String> {
    words(log, "signal=STOP", &point.disturbed("signal=STOP"))
}

/// Whether the deployer was suspended, by the log of [`strace_suspending`].
pub fn is_suspended(log: &str) -> bool {
    log.contains("--- stopped by SIGSTOP ---")
}

fn words(log: &Path, signals: &str, expressions: &[String]) -> Vec<String> {
    let log = log.display().to_string();
    let words = ["strace", "-y", "-o", &log, "-e", signals].map(str::to_owned);
    let expressions = expressions.iter().flat_map(|one| ["-e".to_owned(), one.clone()]);
    words.into_iter().chain(expressions).chain(["--".to_owned()]).collect()
}

impl Point {
    /// What strace is told to have this effect here.
    fn disturbed(&self, effect: &str) -> Vec<String> {
        let Point { call, nth, .. } = self;
        vec![format!("trace={call}"), format!("inject={call}:{effect}:when={nth}")]
    }
}

/// The calls of a log that change something, in their order.
pub fn points(log: &str) -> Vec<Point> {
    let mut counts = std::collections::BTreeMap::<String, (usize, usize)>::new();
    let mut points = Vec::new();
    for (call, line) in log.lines().filter_map(|line| Some((line.split_once('(')?.0, line))) {
        let (nth, kth) = counts.entry(call.to_owned()).or_default();
        *nth += 1;
        if changes(call, line) {
            *kth += 1;
            let shown = line.chars().take(160).collect();
            points.push(Point { call: call.to_owned(), kth: *kth, nth: *nth, shown });
        }
    }
    points
}

/// The call at which the fault happened, as it is in the log; none where it did not.
pub fn hit(log: &str, fault: Fault) -> Option<&str> {
    match fault {
        // It never returned.
        Fault::Kill => log.lines().last().filter(|line| line.ends_with(" = ?")),
        Fault::Error(_) => log.lines().find(|line| line.ends_with("(INJECTED)")),
    }
}

/// Whether a call changes, or would have changed, what others can see.
fn changes(call: &str, line: &str) -> bool {
    let failed = line.contains(" = -1 E") && !line.ends_with("(INJECTED)");
    match call {
        "openat" | "open" => {
            let writes = ["O_CREAT", "O_WRONLY", "O_RDWR"].iter().any(|flag| line.contains(flag));
            writes && !line.contains("\"/dev/") && !failed
        }
        // Not what is said to people, and no pipe between threads.
        "write" | "writev" => line.contains("</") && !written_to(line, &["0", "1", "2"]),
        "clone" | "clone3" => !line.contains("CLONE_THREAD"),
        "connect" => line.contains("sin_port"),
        _ => !failed,
    }
}

fn written_to(line: &str, descriptors: &[&str]) -> bool {
    let first = line.split_once('(').and_then(|(_, rest)| rest.split(['<', ',']).next());
    first.is_some_and(|first| descriptors.contains(&first))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"openat(AT_FDCWD</>, "/proc/1/stat", O_RDONLY|O_CLOEXEC) = 3</proc/1/stat>
openat(AT_FDCWD</>, "/r/lock", O_RDWR|O_CREAT|O_CLOEXEC, 0644) = 3</r/lock>
write(1<pipe:[7]>, "{}", 2) = 2
write(3</r/lock>, "x", 1) = 1
unlinkat(AT_FDCWD</>, "/r/none", 0) = -1 ENOENT (No such file or directory)
clone3({flags=CLONE_VM|CLONE_THREAD}, 88) = 9
connect(4<socket:[8]>, {sa_family=AF_INET, sin_port=htons(80)}, 16) = -1 EINPROGRESS (now)
fsync(3</r/lock>) = -1 EIO (Input/output error) (INJECTED)
+++ exited with 1 +++
"#;

    #[test]
    fn only_calls_that_change_something_are_points_and_each_knows_both_of_its_numbers() {
        let points: Vec<_> =
            points(LOG).into_iter().map(|point| (point.call, point.nth, point.kth)).collect();
        let expected = [("openat", 2, 1), ("write", 2, 1), ("connect", 1, 1), ("fsync", 1, 1)];
        assert_eq!(points, expected.map(|(call, nth, kth)| (call.to_owned(), nth, kth)));
    }

    #[test]
    fn strace_is_told_the_call_and_which_one_of_all() {
        let point = Point { call: "fsync".into(), kth: 1, nth: 4, shown: String::new() };
        let words = |words: Vec<String>| words.join(" ");
        let log = Path::new("/l");
        assert_eq!(
            words(strace(log, Some((Fault::Error("EIO"), &point)))),
            "strace -y -o /l -e signal=none -e trace=fsync -e inject=fsync:error=EIO:when=4 --"
        );
        assert_eq!(
            words(strace_suspending(log, &point)),
            "strace -y -o /l -e signal=STOP -e trace=fsync -e inject=fsync:signal=STOP:when=4 --"
        );
    }

    #[test]
    fn where_the_fault_happened_is_told_from_the_log() {
        assert!(hit(LOG, Fault::Error("EIO")).is_some_and(|line| line.starts_with("fsync")));
        assert_eq!(hit(LOG, Fault::Kill), None);
        let killed = "write(3</r/lock>, \"x\", 1) = ?\n";
        assert!(hit(killed, Fault::Kill).is_some_and(|line| line.starts_with("write")));
    }
}
