//! Deploys services to Linux hosts: planned, journaled, proven, rolled back.

pub mod digest;
pub mod name;
pub mod secret;
pub mod template;
pub mod time;

pub mod command;
pub mod layout;
pub mod model;
pub mod release;
pub mod state;

pub mod host;
