//! Programs that we call: builders of their commands beside the parsers of what they print. No I/O.

pub mod account;
pub mod git;
pub mod journalctl;
pub mod mount;
pub mod systemctl;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use camino::Utf8Path;

    use super::*;
    use crate::command::OnDeath;

    #[test]
    fn no_command_that_changes_something_outlives_us() {
        let (mirror, dir) = (Utf8Path::new("/r/repo.git"), Utf8Path::new("/r"));
        let commit = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
        let (unit, user) = ("web.service".parse().unwrap(), "web".parse().unwrap());
        let second = Duration::from_secs(1);
        for changing in [
            systemctl::start(&unit, second),
            systemctl::stop(&unit, second),
            systemctl::enable(&unit),
            systemctl::disable(&unit),
            systemctl::daemon_reload(),
            systemctl::reset_failed(&unit),
            account::create(&user, dir),
            account::remove(&user),
            git::init_mirror(mirror, dir),
            git::fetch_commit(mirror, "/origin", &commit),
            git::fetch_all(mirror, "/origin"),
            git::keep_commit(mirror, &commit),
            git::export(mirror, &commit, dir),
        ] {
            assert_eq!(changing.on_death, OnDeath::Ends, "{changing}");
        }
        for looking in [systemctl::show([&unit]), account::look_up(&user)] {
            assert_eq!(looking.on_death, OnDeath::GoesOn, "{looking}");
        }
    }
}
