//! Deploys from real git repositories.
