//! Users of a host: asked for with `getent`, made with `useradd`. No I/O.

use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};

use crate::command::{Command, ExitStatus, Inherit, Leftovers, OnDeath, OnInterrupt};
use crate::name::UserName;
use crate::state::Account;

/// How long either may take: a directory service may be asked.
const DEADLINE: Duration = Duration::from_secs(30);

/// How `getent` ends that does not find the user.
pub const NO_SUCH_USER: ExitStatus = ExitStatus::Code(2);

/// Asks for a user.
#[must_use]
pub fn look_up(user: &UserName) -> Command {
    command("getent", ["passwd", "--", user.as_str()]).that_only_looks()
}

/// What `getent passwd` said; none where there is no such user, or it says something else.
#[must_use]
pub fn parse(text: &str, user: &UserName) -> Option<Account> {
    let line = text.lines().find(|line| line.split(':').next() == Some(user.as_str()))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Account { uid, gid })
}

/// Makes a system user with a group of its own, who cannot log in.
#[must_use]
pub fn create(user: &UserName, home: &Utf8Path) -> Command {
    let words = [
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        home.as_str(),
        "--shell",
        "/usr/sbin/nologin",
        "--",
        user.as_str(),
    ];
    command("useradd", words)
}

/// Removes a user, with the group of its own; nothing of what belonged to it.
#[must_use]
pub fn remove(user: &UserName) -> Command {
    command("userdel", ["--", user.as_str()])
}

/// The same command as this user, who gains no rights by running anything, with `home` for a home.
#[must_use]
pub fn run_as((user, account): (&UserName, Account), command: Command, home: &Utf8Path) -> Command {
    let mut args = vec![
        format!("--reuid={}", account.uid),
        format!("--regid={}", account.gid),
        "--clear-groups".to_owned(),
        "--no-new-privs".to_owned(),
        "--".to_owned(),
        command.program,
    ];
    args.extend(command.args);
    let mut variables = command.variables;
    variables.insert("HOME".to_owned(), home.to_string());
    variables.insert("USER".to_owned(), user.to_string());
    Command { program: "setpriv".to_owned(), args, variables, ..command }
}

fn command<'a>(program: &str, words: impl IntoIterator<Item = &'a str>) -> Command {
    Command {
        program: program.to_owned(),
        args: words.into_iter().map(str::to_owned).collect(),
        directory: Utf8PathBuf::from("/"),
        inherit: Inherit::Basics(Vec::new()),
        // Debian keeps `useradd` where only root looks.
        variables: [("LC_ALL", "C"), ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        deadline: DEADLINE,
        on_interrupt: OnInterrupt::GoesOn,
        on_death: OnDeath::Ends,
        leftovers: Leftovers::Stay,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_that_of_the_very_user() {
        let user: UserName = "shop-dev".parse().unwrap();
        let line = "shop-dev:x:998:997::/var/lib/shop/dev:/usr/sbin/nologin\n";
        assert_eq!(parse(line, &user), Some(Account { uid: 998, gid: 997 }));
        for text in ["", "shop:x:1:1::/:/bin/sh\n", "shop-dev\n", "shop-dev:x:a:b::/:\n"] {
            assert_eq!(parse(text, &user), None, "{text:?}");
        }
    }
}
