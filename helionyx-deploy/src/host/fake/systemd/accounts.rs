//! The fake machine's users: lines of `/etc/passwd`. No I/O.

use std::fmt::Write as _;

use super::Machine;
use super::command::Said;
use crate::state::Account;

const PASSWD: &str = "/etc/passwd";
/// The number of the first user that is made.
const FIRST: u32 = 998;

impl Machine {
    /// A user of this machine.
    pub(super) fn account(&self, user: &str) -> Option<Account> {
        let line = self.user_line(user)?;
        let mut numbers = line.split(':').skip(2).filter_map(|number| number.parse().ok());
        Some(Account { uid: numbers.next()?, gid: numbers.next()? })
    }

    pub(super) fn getent(&self, args: &[&str]) -> Said {
        match args.last().and_then(|user| self.user_line(user)) {
            Some(line) => (0, line + "\n"),
            None => (2, String::new()),
        }
    }

    pub(super) fn useradd(&mut self, args: &[&str]) -> Said {
        let Some(user) = args.last() else { return (2, String::new()) };
        if self.user_line(user).is_some() {
            return (9, format!("useradd: user '{user}' already exists\n"));
        }
        let mut text = self.disk.read_text(PASSWD).unwrap_or_default();
        let uid = FIRST.saturating_sub(u32::try_from(text.lines().count()).unwrap_or(FIRST));
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{user}:x:{uid}:{uid}::/:/usr/sbin/nologin");
        self.disk.put_file(PASSWD, text, 0o644);
        (0, String::new())
    }

    pub(super) fn userdel(&mut self, args: &[&str]) -> Said {
        let Some(line) = args.last().and_then(|user| self.user_line(user)) else {
            return (6, "userdel: user does not exist\n".to_owned());
        };
        let text = self.disk.read_text(PASSWD).unwrap_or_default();
        let left: String =
            text.lines().filter(|other| *other != line).map(|line| format!("{line}\n")).collect();
        self.disk.put_file(PASSWD, left, 0o644);
        (0, String::new())
    }

    fn user_line(&self, user: &str) -> Option<String> {
        let text = self.disk.read_text(PASSWD)?;
        text.lines().find(|line| line.split(':').next() == Some(user)).map(str::to_owned)
    }
}
