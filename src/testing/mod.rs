//! Capture spans, metrics and logs in a test, with a clock that the test moves.
//!
//! A [`Capture`] is a whole telemetry instance without a network: what runs in its scope is sampled, measured and
//! logged as in production, and kept in memory. It replaces nothing global, so tests run in parallel and do not see
//! each other.
//!
//! ```
//! use std::time::Duration;
//! use tracing::instrument;
//!
//! #[instrument(err)]
//! fn pay(amount: i64) -> Result<(), &'static str> {
//!     if amount < 0 { Err("negative amount") } else { Ok(()) }
//! }
//!
//! let capture = bellwether::testing::capture();
//! capture.scope(|| {
//!     let _ = pay(10);
//!     let _ = pay(-1);
//! });
//!
//! assert_eq!((capture.calls("pay"), capture.errors("pay")), (2, 1));
//! assert_eq!(capture.spans()[0].attribute("amount"), Some(&10.into()));
//! assert!(capture.spans()[1].is_error());
//! ```

#[cfg(feature = "rules")]
mod alerts;
mod capture;
mod records;

#[cfg(feature = "rules")]
pub use alerts::Rules;
pub use capture::{Builder, Capture};
pub use records::{Log, Span, SpanEvent};

/// A capture with the settings of production: traces sampled at 100 %, spans and events from level INFO up.
pub fn capture() -> Capture {
    builder().build()
}

/// A capture with settings of its own.
///
/// ```
/// let capture = bellwether::testing::builder().sampling_ratio(0.0).build();
/// capture.scope(|| tracing::info_span!("work").in_scope(|| ()));
/// assert_eq!(capture.calls("work"), 1, "metrics are exact without a single trace");
/// assert!(capture.spans().is_empty());
/// ```
pub fn builder() -> Builder {
    Builder::default()
}
