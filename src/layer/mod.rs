//! The `tracing` layer: what the application's threads run.
//!
//! One composite layer holds the metrics path, the sampling gate with tracing-opentelemetry behind it, the log bridge
//! and the console layer. What each of them wants of a callsite is decided once, when the callsite registers.
//!
//! | file | holds |
//! |---|---|
//! | `composite` | the [`Layer`]: hands each callback of `tracing` to the members that want it |
//! | `callsite` | what was decided about each callsite |
//! | `spans` | the side table: the state of every live span; who writes which field stands at `Slot` |
//! | `stack` | the spans a thread has entered |
//! | `gate`, `tracer` | traces |
//! | `logs` | events as log records |
//! | `console` | the user's console layer |
//! | `suppress` | threads and stretches of code whose spans and events are no telemetry |

mod callsite;
mod composite;
mod config;
mod console;
mod gate;
mod handle;
mod logs;
mod spans;
mod stack;
mod suppress;

pub use composite::{Layer, Parts};
pub use config::{Config, Limits, Sampler, SpanDetails};
pub use handle::Handle;
pub use suppress::{suppress_thread, suppressed};
