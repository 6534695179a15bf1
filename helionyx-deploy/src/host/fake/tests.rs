//! What the fake machine must do.

use super::FakeHost;

mod faults;
mod files;
mod processes;
mod systemd;

fn fake() -> FakeHost {
    let fake = FakeHost::new();
    fake.put_dir("/lab");
    fake
}
