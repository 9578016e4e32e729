//! The `tracing` layer: what the application's threads run.
//!
//! One composite layer holds the metrics path, the sampling gate and what it records, the log bridge
//! and the console layer. What each of them wants of a callsite is decided once, when the callsite registers.
//!
//! | file | holds |
//! |---|---|
//! | `composite` | the [`Layer`]: hands each callback of `tracing` to the members that want it |
//! | `beside` | answers that leave the host's own layers alone |
//! | `callsite` | what was decided about each callsite |
//! | `plan` | what metrics take from the fields of a callsite |
//! | `spans` | the side table: the state of every live span; who writes which field stands at `Slot` |
//! | `stack` | the spans a thread has entered |
//! | `measure` | spans become metrics; `fields` reads what they need |
//! | `families` | what further families of metrics take from spans |
//! | `events` | events become metrics, and mark their span as an error |
//! | `symbols`, `cache`, `text` | attribute values as small numbers; what a thread remembers; the host's `Debug` code |
//! | `gate`, `sampler`, `ids` | which spans are recorded |
//! | `recorder`, `recording`, `pool`, `draft`, `attributes`, `span_events`, `active` | what is recorded of them, and who sees it meanwhile |
//! | `ecosystem`, `tracer` | spans that somebody asks tracing-opentelemetry for |
//! | `provider`, `propagator` | where finished spans go, and where context goes out |
//! | `values` | field values read from the host's code once and safely |
//! | `logs` | events as log records |
//! | `console` | the user's console layer |
//! | `suppress` | threads and stretches of code whose spans and events are no telemetry |

mod active;
mod attributes;
mod beside;
mod cache;
mod callsite;
mod composite;
mod config;
mod console;
mod draft;
mod ecosystem;
mod events;
mod families;
mod fields;
mod gate;
mod handle;
mod ids;
mod logs;
mod measure;
mod plan;
mod pool;
mod propagator;
mod provider;
mod recorder;
mod recording;
mod sampler;
mod span_events;
mod spans;
mod stack;
mod suppress;
mod symbols;
mod text;
mod tracer;
mod values;

pub use composite::{Layer, Parts};
pub use config::{Config, Limits, MetricDeclaration, Sampler, SpanDetails};
pub use console::Console;
pub use handle::Handle;
pub use logs::{LogSink, Written};
pub use propagator::Propagator;
pub use provider::Traces;
pub use suppress::{suppress_thread, suppressed};

#[cfg(test)]
mod tests;
