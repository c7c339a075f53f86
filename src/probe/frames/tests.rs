//! The `frames` probe.
