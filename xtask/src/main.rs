//! Developers' tasks, and every operator command of `helionyx-deploy`.
fn main() {}
