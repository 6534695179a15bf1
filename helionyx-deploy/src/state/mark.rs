//! The marks by which a service's processes are found again. No I/O.

/// The app.
pub const APP: &str = "HELIONYX_APP";
/// The environment.
pub const ENVIRONMENT: &str = "HELIONYX_ENVIRONMENT";
/// The environment's root.
pub const ROOT: &str = "HELIONYX_ROOT";
/// The service.
pub const SERVICE: &str = "HELIONYX_SERVICE";
/// The release that it was started from.
pub const RELEASE: &str = "HELIONYX_RELEASE";
/// All of them: whatever else a process has in its environment is its own, and may be secret.
pub const ALL: [&str; 5] = [APP, ENVIRONMENT, ROOT, SERVICE, RELEASE];
