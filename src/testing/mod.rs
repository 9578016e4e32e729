//! Capture spans, metrics and logs in a test, with a clock that the test moves.
