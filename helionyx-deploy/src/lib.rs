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

pub mod render;
pub mod tool;

pub mod event;
pub mod plan;

pub mod host;
pub mod journal;

pub mod apply;
pub mod health;
pub mod observe;
pub mod operate;
pub mod source;
pub mod status;

#[cfg(feature = "cli")]
pub mod cli;
