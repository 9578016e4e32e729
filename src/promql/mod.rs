//! Prometheus' query language, as release 3.14 evaluates it: pure and synchronous, time is an argument.
