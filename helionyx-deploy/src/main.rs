//! The installed binary: the operator's commands.
fn main() {}
