//! Integration tests that need nothing but Rust: one binary, a file a room.

mod architecture;
mod demo;
mod examples;
mod instruments;
mod otlp;
mod package;
mod settings;
mod telemetry;
mod testing;
mod traces;
