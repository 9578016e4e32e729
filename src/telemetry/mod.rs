//! The embedded door: `init`, `builder`, `Guard`.
//!
//! | file | holds |
//! |---|---|
//! | `builder` | what the host's code says, and the three ways in: `init`, `layer`, `build` |
//! | `assemble` | settings -> pipeline, providers and layer; touches nothing global |
//! | `global` | what is one a process: subscriber, providers, propagator, the `log` crate's logger |
//! | `subscriber` | registry and layer, kept away from dying threads |
//! | `guard` | the end: flush on drop, shutdown with a report |
//! | `panics` | the hook that records a panic and calls the one before it |
//! | `signals` | flush on SIGTERM and SIGINT, for programs without a shutdown path of their own |
//! | `alerts`, `web` | what the builder was told about rules and the HTTP API |
//! | `banner` | the line that says what goes where |

#[cfg_attr(not(feature = "rules"), path = "no_alerts.rs")]
mod alerts;
mod assemble;
pub(crate) mod banner;
mod builder;
mod global;
mod guard;
mod panics;
#[cfg(unix)]
mod signals;
mod subscriber;
mod task;
#[cfg_attr(not(feature = "web"), path = "no_web.rs")]
mod web;

pub use builder::Builder;
pub use guard::Guard;
pub use task::Pipeline;

use crate::Error;

/// Sets telemetry up for this process: console output, traces, logs and metrics over OTLP, W3C propagation, a panic
/// hook, and a flush when the guard is dropped. Settings come from `OTEL_*` variables or the file that
/// `OTEL_CONFIG_FILE` names; `RUST_LOG` governs the console alone.
///
/// It works in `main` without a runtime, inside any async runtime, and in a test: exporting runs on a thread of its
/// own. Keep the guard until the end of `main`:
///
/// ```no_run
/// fn main() -> Result<(), bellwether::Error> {
///     let _telemetry = bellwether::init()?;
///     answer();
///     Ok(())
/// }
///
/// #[tracing::instrument]
/// fn answer() -> u32 {
///     42
/// }
/// ```
///
/// With `OTEL_SDK_DISABLED=true` only the console and context propagation are set up.
///
/// # Errors
/// A malformed setting (the error names it and says what is accepted), a global subscriber that is set already, or a
/// thread that the operating system refuses. Nothing global has been touched then.
pub fn init() -> Result<Guard, Error> {
    builder().init()
}

/// Settings in code, and the other ways in: [`Builder::init`], [`Builder::layer`], [`Builder::build`].
pub fn builder() -> Builder {
    Builder::new()
}
