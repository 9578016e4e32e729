//! Prometheus' rule files: groups, alerts and their life, templates, state.
