//! Deploys services to Linux hosts: planned, journaled, proven, rolled back.
//!
//! One planner decides everything:
//!
//! ```text
//! envs/<app>/*.toml ─parse─▶ Environment            all findings at once, with file:line:column
//! Environment + Origin ─desired─▶ what should be    rendering happens here; pure
//! Host ─observe─▶ HostState                         what is
//! reach(desired, found) ─▶ Plan = Vec<Step>         pure: the only thing that decides
//! apply(Plan, Host, Journal) ─▶ Report              each step is written ahead, then done
//! ```
//!
//! A dry run prints the plan. A second run finds an empty one and touches nothing. A rollback
//! reaches the state before; a recovery after a crash observes again and reaches again. There is no
//! rollback code and no resume code.
//!
//! Everything that touches a machine goes through [`host::Host`]. On a [`host::FakeHost`], in
//! memory, a deploy looks like this:
//!
//! ```
//! use std::time::Duration;
//! use helionyx_deploy::event::Outcome;
//! use helionyx_deploy::host::FakeHost;
//! use helionyx_deploy::model::{Catalog, SourceFile};
//! use helionyx_deploy::operate::{Force, Goal, operate};
//! use helionyx_deploy::source::Wish;
//!
//! let models = [
//!     SourceFile { path: "envs/shop/app.toml".into(), text: r#"
//!         name = "shop"
//!         [source.path]
//!         dir = "/src/shop"
//!         [[service]]
//!         name = "web"
//!         exec = ["{release}/bin/web"]
//!         [service.health]
//!         [[service.health.probe]]
//!         path = "/health"
//!         fields = { status = "healthy" }
//!         [variables.PORT]
//!         kind = "port"
//!         value = "{port}"
//!     "#.into() },
//!     SourceFile { path: "envs/shop/dev.toml".into(), text: r#"
//!         supervisor = "process"
//!         port = 8000
//!     "#.into() },
//! ];
//! let (catalog, findings) = Catalog::parse(&models, "/project".into());
//! assert!(findings.is_empty());
//! let environment = catalog.select(Some("shop/dev"))?;
//!
//! let host = FakeHost::new();
//! host.put_file("/src/shop/bin/web", "a healthy program", 0o755);
//! let goal = Goal::Deploy { wish: Wish::default(), force: Force::IfNeeded };
//! let deploy = || operate(&host, environment, &goal, Duration::ZERO, &mut |_event| ());
//! assert_eq!(deploy()?.outcome, Outcome::Deployed);
//! assert_eq!(deploy()?.outcome, Outcome::Unchanged);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules in their layers, each of which uses those above it only:

// Values.
pub mod digest;
pub mod name;
pub mod secret;
pub mod template;
pub mod time;

// What operators write, what releases and hosts are.
pub mod command;
pub mod hint;
pub mod layout;
pub mod model;
pub mod release;
pub mod state;

// What other programs read and print.
pub mod render;
pub mod tool;

// What must be done, and what is told about it.
pub mod plan;

pub mod event;

// ---- above: pure · below: I/O ----

pub mod host;

pub mod journal;

pub mod supervise;

pub mod apply;
pub mod health;
pub mod isolation;
pub mod observe;
pub mod operate;
pub mod source;

// What is asked without changing anything.
pub mod check;
pub mod history;
pub mod logs;
pub mod releases;
pub mod status;

#[cfg(feature = "cli")]
pub mod cli;

#[cfg(feature = "simulation")]
pub mod simulation;
