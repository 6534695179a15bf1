//! `releases`: what is on the host, and what can be gone back to.

use clap::Args;

use crate::host::Clock as _;
use crate::releases::{Listed, Standing, releases};
use crate::time::Timestamp;

use super::change::Site;
use super::json::{Line, Origin};
use super::style::{BAD, DIM, GOOD, Glyphs, PLAIN, age, columns, paint};
use super::{Context, Failure, Models, exit};

/// Lists the releases on the host, the newest first.
///
/// Only verified ones can be gone back to; the one that `rollback` goes to is marked.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  {program} releases --env live
  {program} releases --env live --json")]
pub struct Releases {
    #[command(flatten)]
    site: Site,
}

impl Releases {
    pub(super) fn run(&self, context: &mut Context<'_>) -> Result<u8, Failure> {
        let models = Models::load(context.global)?;
        let environment = models.here(self.site.env.as_deref(), &context.machine())?;
        let found = releases(&context.host, environment)?;
        let now = context.host.now();
        let origin = Origin::new(now, Some(environment));
        for release in &found.releases {
            context.screen.line(&Line::new("release", origin, release));
        }
        let mut text = render(&found.releases, &environment.id(), now, context.screen.glyphs);
        for path in &found.strangers {
            text += &paint(DIM, format!("{path} is no release: it is left alone"));
            text.push('\n');
        }
        context.screen.say(&text);
        Ok(exit::DONE)
    }
}

fn render(releases: &[Listed], id: &str, now: Timestamp, glyphs: Glyphs) -> String {
    if releases.is_empty() {
        return format!("{id} has no releases\n");
    }
    let titles = ["", "RELEASE", "STATE", "BUILT", "BY", "SOURCE", ""];
    let mut rows = vec![titles.map(|title| (DIM, title.to_owned())).to_vec()];
    rows.extend(releases.iter().map(|release| row(release, now, glyphs)));
    columns(&rows)
}

fn row(release: &Listed, now: Timestamp, glyphs: Glyphs) -> Vec<(anstyle::Style, String)> {
    let or_dash = |value: &Option<String>| (PLAIN, value.clone().unwrap_or_else(|| "-".into()));
    let (style, mark, state) = match release.state {
        Standing::Current => (GOOD, glyphs.good, "current"),
        Standing::Verified => (PLAIN, "", "verified"),
        Standing::Failed => (BAD, glyphs.bad, "failed"),
        Standing::Unfinished => (DIM, glyphs.note, "unfinished"),
        Standing::Damaged => (BAD, glyphs.bad, "damaged"),
        Standing::Foreign => (DIM, glyphs.note, "foreign"),
    };
    let mut notes = Vec::new();
    if release.is_rollback_target {
        notes.push("rollback goes here".to_owned());
    }
    if release.in_use && !release.is_current {
        notes.push("a process still runs from it".to_owned());
    }
    notes.extend(release.damage.clone());
    vec![
        (style, mark.to_owned()),
        (PLAIN, release.id.to_string()),
        (style, state.to_owned()),
        or_dash(&release.built_at.map(|built_at| age(now, built_at))),
        or_dash(&release.built_by),
        or_dash(&release.source),
        (DIM, notes.join("; ")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{samples, style};

    fn release(digits: &str, state: Standing) -> Listed {
        Listed {
            id: samples::release(digits),
            state,
            damage: (state == Standing::Damaged).then(|| "bin/web is missing".into()),
            source: Some("/src (content 2d71164)".into()),
            commit: None,
            built_at: Some(samples::time()),
            built_by: Some("operator@node1".into()),
            verified_at: None,
            in_use: state == Standing::Failed,
            is_current: state == Standing::Current,
            is_rollback_target: state == Standing::Verified,
        }
    }

    #[test]
    fn every_release_says_what_it_is_good_for() {
        let releases = [
            release("eeeeeee", Standing::Failed),
            release("ddddddd", Standing::Current),
            release("ccccccc", Standing::Verified),
            release("bbbbbbb", Standing::Damaged),
        ];
        let text = render(&releases, "sample/local", samples::later(), style::UNICODE);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @"
           RELEASE                   STATE     BUILT      BY              SOURCE
        ✗  20261121T011037Z-eeeeeee  failed    3 min ago  operator@node1  /src (content 2d71164)  a process still runs from it
        ✓  20261121T011037Z-ddddddd  current   3 min ago  operator@node1  /src (content 2d71164)
           20261121T011037Z-ccccccc  verified  3 min ago  operator@node1  /src (content 2d71164)  rollback goes here
        ✗  20261121T011037Z-bbbbbbb  damaged   3 min ago  operator@node1  /src (content 2d71164)  bin/web is missing
        ");
    }

    #[test]
    fn json_has_every_field_by_its_name() {
        let environment = samples::environment();
        let origin = Origin::new(samples::time(), Some(&environment));
        let body = release("ccccccc", Standing::Verified);
        let line = serde_json::to_string(&Line::new("release", origin, &body)).unwrap();
        let read: Listed = serde_json::from_str(&line).unwrap();
        assert_eq!(read, body, "what another program reads is what was told");
        insta::assert_snapshot!(line, @r#"{"event":"release","time":"2026-11-21T01:10:37.000Z","app":"sample","environment":"local","id":"20261121T011037Z-ccccccc","state":"verified","source":"/src (content 2d71164)","commit":null,"built_at":"2026-11-21T01:10:37.000Z","built_by":"operator@node1","verified_at":null,"in_use":false,"is_current":false,"is_rollback_target":true}"#);
    }
}
