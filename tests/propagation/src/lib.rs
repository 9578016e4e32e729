//! Holds tests and nothing else.
