//! Prometheus' HTTP API over the window of the rules, and `/metrics`: read-only, and only when a port is asked for.
