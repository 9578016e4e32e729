//! What code records, asserted in a test, with time that the test moves. Here `main` is the test.
//!
//! ```text
//! cargo run --example in_a_test
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it did")]

use std::time::Duration;

use bellwether::testing::Capture;
use tracing::instrument;

#[instrument(skip(time), err)]
fn pay(time: &Capture, amount: i64) -> Result<(), &'static str> {
    time.advance(Duration::from_millis(30)); // what a slow bank does
    if amount < 0 { Err("negative amount") } else { Ok(()) }
}

fn main() {
    // Nothing global is replaced: tests may run in parallel.
    let capture = bellwether::testing::builder().sampling_ratio(1.0).build();
    let outcomes = capture.scope(|| [10, 20, -1].map(|amount| pay(&capture, amount).is_ok()));
    assert_eq!(outcomes, [true, true, false]);

    assert_eq!((capture.calls("pay"), capture.errors("pay")), (3, 1));
    let spans = capture.spans();
    assert_eq!(spans[0].attribute("amount"), Some(&10.into()));
    assert_eq!(spans[0].duration(), Duration::from_millis(30));
    assert!(spans[2].is_error());
    println!("3 calls, 1 error, 30 ms each");
}
