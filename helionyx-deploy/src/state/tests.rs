use camino::Utf8Path;

use super::*;
use crate::time::Timestamp;

#[test]
fn a_release_of_the_same_name_in_another_root_is_another_one() {
    let id = "20261121T011037Z-3fa2c1d";
    for (root, expected) in [(Some("/opt/a/dev"), true), (None, true), (Some("/opt/a/live"), false)]
    {
        let root = root.map(|root| (mark::ROOT.to_owned(), root.to_owned()));
        let release = (mark::RELEASE.to_owned(), id.to_owned());
        let process = Process {
            key: ProcessKey { pid: 7, started_ticks: 1 },
            parent: 1,
            session: 7,
            uid: 998,
            command: vec!["web".to_owned()],
            cwd: None,
            exe: None,
            marks: root.into_iter().chain([release]).collect(),
            output: None,
            since: Timestamp::from_millis(0),
            memory_bytes: 0,
        };
        let releases = Utf8Path::new("/opt/a/dev/releases");
        let id: ReleaseId = id.parse().unwrap();
        assert_eq!(process.uses(releases).contains(&id), expected, "HEL-23: {:?}", process.marks);
        assert_eq!(process.release(releases).as_ref() == Some(&id), expected);
    }
}
