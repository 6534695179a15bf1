//! Runs the built program and looks at it from outside.

mod faults;
mod service;
mod support;
