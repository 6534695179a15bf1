//! Where file systems are mounted, and where they should be: mountinfo, fstab and units. No I/O.

use camino::{Utf8Path, Utf8PathBuf};
use systemd_unit_file::Unit;

/// The mount points in `/proc/self/mountinfo`.
#[must_use]
pub fn mounted(text: &str) -> Vec<Utf8PathBuf> {
    text.lines().filter_map(|line| line.split(' ').nth(4)).map(unescape).collect()
}

/// The mount points in `/etc/fstab`, also of what is mounted by hand only. Swap has none.
#[must_use]
pub fn of_fstab(text: &str) -> Vec<Utf8PathBuf> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let places = lines.filter_map(|line| line.split_whitespace().nth(1)).map(unescape);
    places.filter(|path| path.is_absolute()).collect()
}

/// The mount point of a mount unit.
#[must_use]
pub fn of_unit(bytes: &[u8]) -> Option<Utf8PathBuf> {
    let unit = Unit::parse(bytes);
    let place = Utf8Path::new(&unit.last("Mount", "Where")?.value);
    place.is_absolute().then(|| place.to_owned())
}

/// Blanks and the like are written as three octal digits, trailing slashes say nothing.
fn unescape(text: &str) -> Utf8PathBuf {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match code.filter(|_| byte == b'\\') {
            Some(code) => {
                bytes.push(code);
                rest = &after[3..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    let path = String::from_utf8_lossy(&bytes);
    Utf8Path::new(path.as_ref()).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_read_from_all_that_names_them() {
        let mountinfo = "\
22 1 259:2 / / rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw
40 22 0:35 / /srv/with\\040blank rw - tmpfs tmpfs rw
41 22 0:36 / /var/lib/data rw,relatime shared:2 - ext4 /dev/sdb1 rw
";
        assert_eq!(mounted(mountinfo), ["/", "/srv/with blank", "/var/lib/data"]);
        let fstab = "\
# /dev/sdz1 /not ext4
UUID=1 / ext4 errors=remount-ro 0 1

/dev/sdb1\t/var/lib/data/   ext4 noauto,nofail 0 2
/dev/sdc1 /srv/with\\040blank ext4 defaults
UUID=2 none swap sw 0 0
";
        assert_eq!(of_fstab(fstab), ["/", "/var/lib/data", "/srv/with blank"], "T-HEL-18");
        let unit = "[Unit]\nDescription=x\n[Mount]\nWhat=/dev/x\nWhere=/var/lib/data\n";
        assert_eq!(of_unit(unit.as_bytes()).as_deref(), Some(Utf8Path::new("/var/lib/data")));
        assert_eq!(of_unit(b"[Mount]\nWhat=/dev/x\n"), None);
        assert_eq!(of_unit(b""), None);
    }
}
