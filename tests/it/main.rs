//! Integration tests that need nothing but Rust: one binary, a file a room.

#[cfg(feature = "rules")]
mod alerts;
mod architecture;
mod command;
#[cfg(feature = "rules")]
mod dashboards;
mod demo;
mod examples;
mod families;
mod instruments;
#[cfg(feature = "rules")]
mod notifier;
mod otlp;
mod package;
mod recording;
mod settings;
mod telemetry;
mod testing;
mod traces;
#[cfg(feature = "web")]
mod web;
