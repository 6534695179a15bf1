//! What the fake machine must do. Checks of files take any host: they hold for a real one too.

use super::FakeHost;

mod faults;
pub(in crate::host) mod files;
mod processes;

fn fake() -> FakeHost {
    let fake = FakeHost::new();
    fake.put_dir("/work");
    fake
}
