//! A small typed API for code without spans: counter, gauge, histogram, timer.
