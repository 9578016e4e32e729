//! Where telemetry leaves the process.

pub mod otlp;
