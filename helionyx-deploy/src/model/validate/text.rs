//! Rules for texts: paths, addresses, branches, control characters. No I/O.

use camino::Utf8Path;
use systemd_unit_file::is_text;

use super::Reader;
use crate::model::code;
use crate::model::spec::Spanned;

/// A reason why a text is refused; none when it is right.
pub type Complaint = Option<&'static str>;

/// Why a text must not stand on one line of a file that a service reads.
pub fn breaks_line(text: &str) -> bool {
    let breaks = |c: char| matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}');
    text.chars().any(|c| c.is_control() || breaks(c) || !is_text(c))
}

/// Notes a text for people that is empty, or would not stay on its line.
pub fn one_line(key: &str, text: &Spanned<String>, reader: &mut Reader<'_>) -> bool {
    let (code, message) = if text.get_ref().trim().is_empty() {
        (code::EMPTY, format!("`{key}` must not be empty"))
    } else if breaks_line(text.get_ref()) {
        (code::CONTROL_CHARACTER, format!("`{key}` holds a control character or line break"))
    } else {
        return reader.literal(key, text);
    };
    reader.error(&text.span(), code, message, "write one line of text, or leave it out");
    false
}

/// What keeps a path from being said in a unit file.
pub fn unit_path(path: &str) -> Complaint {
    if path.chars().any(|c| !is_text(c) || "\"'\\*?[:".contains(c)) {
        return Some(
            "holds a quote, backslash, colon, one of *?[, or a character that systemd does not read as text",
        );
    }
    if path.ends_with(' ') {
        return Some("ends with a blank, which systemd strips");
    }
    let long = path.len() > 2048 || path.split('/').any(|part| part.len() > 255);
    long.then_some("is longer than systemd takes")
}

/// What keeps a text for people from being said in a unit file, where more text follows it: what
/// stands at its end is not at the line's end.
pub fn unit_text(text: &str) -> Complaint {
    text.starts_with(' ').then_some("begins with a blank, which systemd strips")
}

/// What is wrong with an absolute path.
pub fn absolute_path(path: &str) -> Complaint {
    if !path.starts_with('/') {
        return Some("does not begin with `/`");
    }
    if path == "/" { None } else { plain_path(&path[1..]) }
}

/// What is wrong with a path inside of a directory.
pub fn relative_path(path: &str) -> Complaint {
    if path.starts_with('/') {
        return Some("begins with `/`");
    }
    plain_path(path)
}

fn plain_path(path: &str) -> Complaint {
    if breaks_line(path) {
        return Some("holds a control character");
    }
    let mut parts = path.split('/');
    if parts.clone().any(|part| part == "..") {
        return Some("holds `..`");
    }
    // One spelling for one place: paths are compared as text.
    parts.any(|part| matches!(part, "" | ".")).then_some("holds an empty part or `.`")
}

/// Whether a directory belongs to the system, to which more than one app belongs: to remove it would
/// remove the machine.
pub fn is_system_directory(path: &str) -> bool {
    const ITSELF: [&str; 16] = [
        "/",
        "/home",
        "/media",
        "/mnt",
        "/opt",
        "/root",
        "/run",
        "/snap",
        "/srv",
        "/tmp",
        "/var",
        "/var/cache",
        "/var/lib",
        "/var/log",
        "/var/spool",
        "/var/tmp",
    ];
    const WHOLE: [&str; 16] = [
        "/bin",
        "/boot",
        "/dev",
        "/efi",
        "/etc",
        "/lib",
        "/lib32",
        "/lib64",
        "/libx32",
        "/proc",
        "/sbin",
        "/sys",
        "/usr",
        "/var/lib/dpkg",
        "/var/lib/systemd",
        "/var/log/journal",
    ];
    ITSELF.contains(&path) || WHOLE.iter().any(|whole| Utf8Path::new(path).starts_with(whole))
}

/// What is wrong with an address of a service.
pub fn web_url(url: &str) -> Complaint {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let Some(rest) = rest else { return Some("does not begin with `http://` or `https://`") };
    if breaks_line(url) || url.contains(' ') {
        return Some("holds a blank or a control character");
    }
    let host = authority(rest).rsplit('@').next().unwrap_or_default();
    (host.is_empty() || host.starts_with(':')).then_some("names no host")
}

/// What is wrong with the address of a git repository.
pub fn git_url(url: &str) -> Complaint {
    if url.is_empty() {
        return Some("is empty");
    }
    if url.starts_with('-') {
        return Some("begins with `-`, which git takes for an option");
    }
    if breaks_line(url) || url.contains(' ') {
        return Some("holds a blank or a control character");
    }
    if let Some((scheme, rest)) = url.split_once("://") {
        let known = ["https", "http", "ssh", "git", "file"].contains(&scheme);
        let host = scheme == "file" || !authority(rest).is_empty();
        return (!known || !host).then_some("is no https, http, ssh, git or file address");
    }
    if url.contains("::") {
        return Some("names a transport helper, which can run any command");
    }
    let placed = ["/", "{project}/", "{root}/"].iter().any(|prefix| url.starts_with(prefix));
    let host = url
        .split_once(':')
        .is_some_and(|(host, path)| !host.is_empty() && !host.contains('/') && !path.is_empty());
    (!placed && !host).then_some("is neither an address nor an absolute path")
}

/// Whether an address holds what only its owner should know.
pub fn has_credentials(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.split_once('@').is_some_and(|(user, _)| user.contains(':'));
    };
    match authority(rest).rsplit_once('@') {
        // Over ssh a user alone is an address; over http it is mostly a token.
        Some((user, _)) => user.contains(':') || !scheme.eq_ignore_ascii_case("ssh"),
        None => false,
    }
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// What is wrong with a branch name, by the rules of `git check-ref-format`.
pub fn branch(name: &str) -> Complaint {
    if name.is_empty() || name == "@" || name == "HEAD" {
        return Some("names no branch");
    }
    if name.starts_with('-') {
        return Some("begins with `-`, which git takes for an option");
    }
    if name.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
        return Some("holds a blank, a control character or one of ~^:?*[\\");
    }
    if name.contains("..") || name.contains("@{") {
        return Some("holds `..` or `@{`");
    }
    let wrong = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    (name.split('/').any(wrong) || name.ends_with('.'))
        .then_some("has a part that is empty, begins with `.`, or ends with `.` or `.lock`")
}

/// Whether one path is the other, or lies inside of it, in any direction.
pub fn overlap(one: &Utf8Path, other: &Utf8Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rule: fn(&str) -> Complaint, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(text), None, "{text:?}");
        }
        for text in bad {
            assert!(rule(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn paths_have_one_spelling_and_stay_where_they_are() {
        check(
            absolute_path,
            &["/", "/opt/a", "/opt/ä b/c-1", "/a/..b", "/a/b."],
            &["", "a", "./a", "/a/", "//a", "/a//b", "/a/../b", "/..", "/a/./b", "/a\nb", "/a\0"],
        );
        check(relative_path, &["a", "a/b", ".venv"], &["", "/a", "..", "a/../b", "a/", ".", "a\r"]);
    }

    #[test]
    fn system_directories_are_known_and_what_lies_below_most_is_free() {
        let whole = ["/", "/etc", "/var/lib", "/proc/1", "/dev/shm", "/root", "/sys", "/usr/lib/a"];
        let below = ["/etc/a", "/boot/a", "/lib64/a", "/var/lib/systemd/a", "/var/log/journal/x"];
        for path in whole.into_iter().chain(below) {
            assert!(is_system_directory(path), "{path}");
        }
        let free = ["/opt/a", "/var/lib/a", "/home/operator", "/process", "/root/x", "/tmp/x"];
        for path in free.into_iter().chain(["/library", "/var/log/a", "/var/lib/systemd-a"]) {
            assert!(!is_system_directory(path), "{path}");
        }
    }

    #[test]
    fn git_takes_these_addresses_and_no_options_or_commands() {
        check(
            git_url,
            &[
                "https://github.com/a/b.git",
                "ssh://git@host:22/a",
                "git@github.com:a/b.git",
                "host:a",
                "file:///srv/a.git",
                "/srv/a.git",
                "{project}/a.git",
            ],
            &[
                "",
                "--upload-pack=touch /tmp/x",
                "-x",
                "ext::sh -c id",
                "ext::id",
                "https://",
                "ftp://a/b",
                "a/b",
                "https://a/b c",
                "https://a/\n",
                "javascript://a",
            ],
        );
    }

    #[test]
    fn credentials_are_seen_in_every_spelling() {
        for url in [
            "https://operator:pw@host/a",
            "https://ghp_token@github.com/a",
            "https://:pw@host",
            "ssh://git:pw@host/a",
            "https://a:p@b@host/a",
            "HTTPS://x@host",
            "operator:pw@host:a.git",
        ] {
            assert!(has_credentials(url), "{url} (ALL-04)");
        }
        for url in
            ["https://host/a@b", "ssh://git@host/a", "git@host:a/b", "/a@b:c", "https://h?q=a@b"]
        {
            assert!(!has_credentials(url), "{url}");
        }
    }

    #[test]
    fn branches_are_what_git_takes() {
        check(
            branch,
            &["main", "milestone-3", "feature/x.y", "a@b", "ümlaut"],
            &[
                "", "-f", "--force", "a b", "a..b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b",
                "a\n", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.", "@", "a@{1}", "HEAD",
            ],
        );
    }

    #[test]
    fn addresses_name_a_host() {
        check(
            web_url,
            &["http://localhost:8000", "https://api.openai.com/v1", "http://[::1]:80/"],
            &["", "localhost", "ftp://a", "http://", "http://:80", "https:///a", "http://a b"],
        );
    }
}
