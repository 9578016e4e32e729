#![doc = include_str!("../README.md")]

pub mod clock;
pub mod config;
mod error;
pub mod instruments;
pub mod model;
pub mod names;
mod telemetry;
#[cfg(feature = "rules")]
pub mod template;
pub mod testing;

// Rooms of the house that the project's own tests and benchmarks enter; not part of the stable interface.
#[doc(hidden)]
pub mod bridge;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod check;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod demo;
#[doc(hidden)]
pub mod exporters;
pub mod families;
mod fork;
#[cfg(feature = "rules")]
#[doc(hidden)]
pub mod history;
#[cfg(feature = "http")]
pub mod http;
#[doc(hidden)]
pub mod internal;
#[doc(hidden)]
pub mod layer;
mod nearest;
#[cfg(feature = "rules")]
pub mod notifier;
#[doc(hidden)]
pub mod pipeline;
#[cfg(feature = "rules")]
#[doc(hidden)]
pub mod promql;
#[cfg(feature = "rules")]
pub mod rules;
#[doc(hidden)]
pub mod series;
#[doc(hidden)]
pub mod system;
#[doc(hidden)]
pub mod transport;
#[cfg(feature = "web")]
#[doc(hidden)]
pub mod web;
#[cfg(any(feature = "config-file", feature = "rules"))]
#[doc(hidden)]
pub mod yaml;

pub use config::Config;
pub use error::Error;
pub use layer::Layer;
pub use model::Report;
pub use opentelemetry;
#[cfg(feature = "rules")]
pub use pipeline::Alerts;
pub use pipeline::Handle;
pub use telemetry::{Builder, Guard, Pipeline, builder, init};
#[cfg(feature = "web")]
pub use web::Web;
